package source

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	buildLimit = 30 * time.Minute // the longest that one command of a build may take
	maxLines   = 20               // of a command's output, kept for its error
	maxLine    = 500              // bytes of a line
)

// command is one step of a build.
type command struct {
	dir      string
	env      []string
	argv     []string
	progress func(string)
}

// commandError is a step that failed, with the last that it said.
type commandError struct {
	argv []string
	err  error
	said []string
}

func (e *commandError) Error() string {
	text := fmt.Sprintf("%s: %v", filepath.Base(e.argv[0]), e.err)
	if len(e.said) > 0 {
		text += ":\n" + strings.Join(e.said, "\n")
	}
	return text
}

func (e *commandError) Unwrap() error { return e.err }

// says tells whether the step's last lines hold one of the texts.
func (e *commandError) says(texts ...string) bool {
	all := strings.Join(e.said, "\n")
	for _, text := range texts {
		if strings.Contains(all, text) {
			return true
		}
	}
	return false
}

// run runs a step. When the context ends, so does all that the step started.
func (c command) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, buildLimit, fmt.Errorf("it took longer than %v", buildLimit))
	defer cancel()
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	ownGroup(cmd)
	cmd.WaitDelay = 5 * time.Second // for what it started in the background and left holding its output
	cmd.Dir, cmd.Env = c.dir, c.env
	said := &lines{progress: c.progress}
	cmd.Stdout, cmd.Stderr = said, said
	err := cmd.Run()
	said.end()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return &commandError{argv: c.argv, err: err, said: said.last}
}

// lines cuts output into lines, passes them on and keeps the last.
type lines struct {
	progress func(string)

	mu      sync.Mutex
	partial []byte
	last    []string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := b; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if room := maxLine - len(l.partial); room > 0 {
			l.partial = append(l.partial, line[:min(len(line), room)]...)
		}
		if whole {
			l.add()
		}
		rest = after
	}
	return len(b), nil
}

func (l *lines) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add()
}

func (l *lines) add() {
	text := strings.TrimRight(strings.ToValidUTF8(string(l.partial), "?"), " \r\t")
	l.partial = l.partial[:0]
	if text == "" {
		return
	}
	if l.last = append(l.last, text); len(l.last) > maxLines {
		l.last = l.last[1:]
	}
	l.progress(text)
}

// buildEnvironment is the node's own environment without the node's settings
// and without what would lead a build to another Python's packages.
func buildEnvironment(more ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case strings.HasPrefix(name, "FLOW_"), strings.HasPrefix(name, "PYTHON"), name == "VIRTUAL_ENV", name == "PIP_TARGET", name == "PIP_USER", name == "PIP_PREFIX":
		default:
			env = append(env, v)
		}
	}
	return append(env, more...)
}
