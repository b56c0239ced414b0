package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os/exec"

	"github.com/elasticcode/flow/messages"
)

//go:embed adaptor.py
var adaptorProgram string

// adaptor is a Python process that gives each message to a function.
type adaptor struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	path    string
}

func startAdaptor(ctx context.Context, path string, out, errs io.Writer) (*adaptor, error) {
	a := &adaptor{command: exec.CommandContext(ctx, "python3", "-c", adaptorProgram, path), path: path}
	a.command.Stdout, a.command.Stderr = out, errs
	var err error
	if a.stdin, err = a.command.StdinPipe(); err == nil {
		err = a.command.Start()
	}
	if err != nil {
		return nil, messages.Errorf(messages.Unavailable, "start adaptor", path, "%v", err).WithHint("an adaptor needs python3 on the PATH")
	}
	return a, nil
}

// take gives a message to the function. It blocks while the function is busy.
func (a *adaptor) take(line []byte) error {
	if _, err := fmt.Fprintf(a.stdin, "%s\n", line); err != nil {
		_ = a.command.Wait()
		return messages.Errorf(messages.Unavailable, "listen", "adaptor "+a.path, "it has ended: %v", a.command.ProcessState).
			WithHint("what it printed last says why")
	}
	return nil
}

// close lets the function take what it was given, and waits for its end.
func (a *adaptor) close() {
	_ = a.stdin.Close()
	_ = a.command.Wait()
}
