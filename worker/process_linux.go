package worker

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
)

const (
	// MaxSent is the most works that a worker may hold unanswered.
	MaxSent = 4 * messages.MaxWindow

	// patience is how long a watchdog has to end its processes before it is
	// killed itself and its processes are looked for by their mark.
	patience = 2 * time.Second
)

// Process is a worker: an interpreter that has loaded one module, and its watchdog.
type Process struct {
	launcher *Launcher
	log      *slog.Logger
	mark     mark
	dir      string
	pid      int
	watchdog *exec.Cmd
	control  *net.UnixConn // the lifeline: its end tells the watchdog to end everything
	requests *requests
	answers  *os.File
	printed  *printed
	live     live
	events   func(...Event)
	limits   Limits

	gone  chan struct{} // closed when no process of the worker is left
	ended chan struct{} // closed when Exited was told

	mu     sync.Mutex
	next   uint64 // sequence number of the next work
	sent   []sent // works without an answer, oldest first
	logged logged // works with one, the latest
	over   bool   // takes no more works
	reason string // why it was ended; empty: it was not
	ending []*time.Timer
}

type sent struct {
	seq     uint64
	call    messages.CallID
	attempt uint32
	begun   bool
}

// PID is the interpreter's process id.
func (p *Process) PID() int { return p.pid }

// Dir is the worker's own directory, its current one. It is removed when the worker is gone.
func (p *Process) Dir() string { return p.dir }

// Ended is closed when Exited was told.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Send hands works to the worker, in their order; it never blocks. An error means
// that the work it names, and those behind it, will not be run. Works may be sent
// before the module is imported.
func (p *Process) Send(works ...Work) error {
	for i := range works {
		if w := &works[i]; w.Tracking.IsZero() {
			w.Tracking = w.Call
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return refused(works, messages.Unavailable, "the worker has ended")
	}
	room := min(len(works), MaxSent-len(p.sent))
	n, err := p.requests.calls(p.next, works[:room])
	for _, w := range works[:n] {
		p.sent = append(p.sent, sent{seq: p.next, call: w.Call, attempt: w.Attempt})
		p.next++
	}
	if err == nil && room < len(works) {
		err = refused(works[room:], messages.Exhausted, "the worker holds %d calls already", MaxSent)
	}
	return err
}

// refused says why the first of some works is not sent.
func refused(works []Work, kind messages.KindError, reason string, args ...any) error {
	if len(works) == 0 {
		return nil
	}
	return messages.Errorf(kind, "send call", works[0].Call.String(), reason, args...)
}

// idle says that the worker holds no call.
func (p *Process) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sent) == 0
}

// Terminate asks the worker's process group to end (SIGTERM), and kills
// everything after the grace. It does not wait; Exited tells the end.
func (p *Process) Terminate(grace time.Duration) {
	p.end("was stopped")
	_, _ = p.control.Write([]byte{controlTerminate}) // a watchdog that is gone has nothing to end
	p.after(grace, p.Kill)
}

// Kill ends all processes of the worker at once. It does not wait; Exited tells the end.
func (p *Process) Kill() {
	p.end("was killed")
	_ = p.control.CloseWrite() // a watchdog that is gone has nothing to end
	p.after(patience, func() { _ = p.watchdog.Process.Kill() })
}

// end takes no more works, and keeps the first reason that was given.
func (p *Process) end(reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.reason == "" {
		p.reason = reason
	}
}

// after runs f later, unless the processes are gone by then.
func (p *Process) after(d time.Duration, f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.gone:
	default:
		p.ending = append(p.ending, time.AfterFunc(d, f))
	}
}

// run reads answers until there are no more, sees to it that nothing is left,
// and tells the end. It is the goroutine that all events come from.
func (p *Process) run(report *bufio.Reader) {
	go p.guard(report)
	loaded, err := p.readAnswers()
	if err != nil {
		p.end("was ended: it sent " + err.Error() + " in place of an answer")
		p.Kill()
	}
	select {
	case <-p.gone: // it exited by itself, and the watchdog told how
	case <-time.After(time.Second):
		p.end("was ended: it closed its answers")
		p.Kill()
		<-p.gone
	}
	p.end("")
	p.requests.close()
	tail := p.printed.close()
	log := p.unanswered()
	p.answers.Close()
	p.live.file.Close()
	p.control.Close()
	if err := os.RemoveAll(p.dir); err != nil {
		p.log.Warn("cannot remove a worker's directory", "error", err)
	}
	p.launcher.forget(p)
	p.log.Debug("worker exited", "reason", p.reason)
	p.events(Exited{Reason: p.reason, Tail: tail, Log: log, Loaded: loaded})
	close(p.ended)
}

// guard waits for the watchdog. One that ends without its report was killed:
// then the worker's processes are found by their mark and ended here.
func (p *Process) guard(report *bufio.Reader) {
	line, _ := report.ReadString('\n')
	_ = p.watchdog.Wait() // how it ended is in its report, or does not matter
	if line == "" {
		line = "was ended: its watchdog died\n"
		p.log.Warn("a worker's watchdog died", "pid", p.pid)
		if left := endMarked([]mark{p.mark}, p.pid); left > 0 {
			p.log.Error("processes of a worker cannot be killed", "pid", p.pid, "processes", left)
		}
	}
	p.end(line[:len(line)-1])
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.gone)
	for _, t := range p.ending {
		t.Stop()
	}
}

// readAnswers tells the worker's events until its answers end, together what was
// read together. An error says what it sent that is no answer.
func (p *Process) readAnswers() (loaded bool, err error) {
	r := bufio.NewReaderSize(p.answers, 64<<10)
	for {
		var some []Event
		for err == nil && (len(some) == 0 || len(some) < maxTogether && hasFrame(r)) {
			var e Event
			if e, err = p.readEvent(r, loaded); err == nil {
				some, loaded = append(some, e), true
			}
		}
		if len(some) > 0 {
			p.events(some...)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
			return loaded, nil
		}
		if err != nil {
			return loaded, err
		}
	}
}

// maxTogether is how many events are told together.
const maxTogether = 128

func (p *Process) readEvent(r *bufio.Reader, loaded bool) (Event, error) {
	var header [5]byte
	kind, body, err := readFrame(r, &header)
	if err != nil {
		return nil, err
	}
	return p.event(kind, body, loaded)
}
