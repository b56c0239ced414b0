package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

//go:embed adaptor.py
var adaptorProgram string

const (
	// adaptorSlow is how long a function may take for a message before people
	// are told that it is not the network which is still.
	adaptorSlow = 5 * time.Second
	// adaptorLimit is how long it may take before it is given up, when nobody
	// said --adaptor-timeout.
	adaptorLimit = time.Minute
	// adaptorRest is how long what a process that has ended wrote may be on its way.
	adaptorRest = 100 * time.Millisecond
	// adaptorTail bounds what is kept of what it prints, to say why it ended.
	adaptorTail = 4 << 10
)

// adaptor is a Python process that gives each message to a function, one after
// the other. It acknowledges each: what it has not taken does not count.
type adaptor struct {
	path        string
	slow, limit time.Duration
	notef       func(format string, args ...any)

	command *exec.Cmd
	stdin   *os.File
	said    *tail
	taken   chan struct{} // one for each message; the first: the function is there
	ended   chan struct{} // closed when the process is gone, and all that it took is known
}

// adaptorFailed is the error of an adaptor that did not take a message.
type adaptorFailed struct{ path, reason string }

func (f adaptorFailed) Error() string { return "adaptor " + f.path + ": " + f.reason }

// start starts the process, and waits until it has found the function.
func (a *adaptor) start(ctx context.Context, out, errs io.Writer) error {
	stdin, input, err := os.Pipe()
	if err != nil {
		return err
	}
	acknowledged, taken, err := os.Pipe()
	if err != nil {
		return errors.Join(err, stdin.Close(), input.Close())
	}
	a.said, a.stdin = &tail{to: errs}, input
	a.taken, a.ended = make(chan struct{}, 1), make(chan struct{})
	a.command = exec.CommandContext(ctx, "python3", "-c", adaptorProgram, a.path)
	a.command.Stdin, a.command.Stdout, a.command.Stderr = stdin, out, a.said
	a.command.ExtraFiles = []*os.File{taken}
	a.command.WaitDelay = adaptorRest
	err = a.command.Start()
	_, _ = stdin.Close(), taken.Close() // the process has its own
	if err != nil {
		_, _ = input.Close(), acknowledged.Close()
		return hinted{adaptorFailed{a.path, err.Error()}, "an adaptor needs python3 on the PATH"}
	}
	gone := make(chan struct{})
	go a.acknowledge(acknowledged, gone)
	go func() {
		defer close(gone)
		_ = a.command.Wait() // how it ended is in ProcessState
		// A child of its own may hold the other end: what was written is there soon.
		_ = acknowledged.SetReadDeadline(time.Now().Add(adaptorRest))
	}()
	if err := a.wait("to start"); err != nil {
		_ = a.stdin.Close()
		return err
	}
	return nil
}

// acknowledge hands on what the process has taken, until it is gone.
func (a *adaptor) acknowledge(from *os.File, gone <-chan struct{}) {
	defer close(a.ended)
	defer from.Close()
	one := make([]byte, 1)
	for {
		if _, err := from.Read(one); err != nil {
			<-gone
			return
		}
		select {
		case a.taken <- struct{}{}:
		default: // nobody gave it a message
		}
	}
}

// take gives a message to the function, and waits until that has taken it.
func (a *adaptor) take(line []byte) error {
	_ = a.stdin.SetWriteDeadline(time.Now().Add(a.limit))
	if _, err := fmt.Fprintf(a.stdin, "%s\n", line); errors.Is(err, os.ErrDeadlineExceeded) {
		return a.giveUp("with a message")
	}
	return a.wait("with a message") // one that could not be written is one that has ended
}

// wait waits until a message is taken, or the process has ended.
func (a *adaptor) wait(doing string) error {
	slow := time.AfterFunc(a.slow, func() { a.notef("adaptor %s has not come to an end %s for %v", a.path, doing, a.slow) })
	defer slow.Stop()
	limit := time.NewTimer(a.limit)
	defer limit.Stop()
	select {
	case <-a.taken:
		return nil
	case <-limit.C:
		return a.giveUp(doing)
	case <-a.ended:
	}
	select {
	case <-a.taken: // just before its end
		return nil
	default:
		return a.failure()
	}
}

func (a *adaptor) giveUp(doing string) error {
	_ = a.command.Process.Kill()
	<-a.ended
	return hinted{adaptorFailed{a.path, fmt.Sprintf("it has not come to an end %s within %v", doing, a.limit)}, "--adaptor-timeout gives it longer"}
}

// failure says how the process ended, and what it said last.
func (a *adaptor) failure() error {
	reason := "it has ended: " + a.command.ProcessState.String()
	if last := a.said.last(); last != "" {
		reason += ": " + last
	}
	return adaptorFailed{a.path, reason}
}

// close lets the process come to its end. One that has taken all its messages
// and fails then has failed all the same.
func (a *adaptor) close() error {
	_ = a.stdin.Close()
	select {
	case <-a.ended:
	case <-time.After(a.limit):
		return a.giveUp("with what it had to do at its end")
	}
	if !a.command.ProcessState.Success() {
		return a.failure()
	}
	return nil
}

// tail passes on what is written, and keeps the end of it.
type tail struct {
	to   io.Writer
	kept []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.kept = append(t.kept, b...)
	t.kept = t.kept[max(0, len(t.kept)-adaptorTail):]
	return t.to.Write(b)
}

// last is the last line that is not empty.
func (t *tail) last() string {
	text := strings.TrimSpace(string(t.kept))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
