package source

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
)

// interpreter is a Python on this machine.
type interpreter struct {
	Path     string `json:"path"` // absolute
	Version  string `json:"version"`
	Platform string `json:"platform"`
	Major    int    `json:"major"`
	Minor    int    `json:"minor"`
}

const (
	oldestMajor = 3
	oldestMinor = 8
)

const probe = `
import json, sys, sysconfig
json.dump({"path": sys.executable, "version": "%d.%d.%d" % sys.version_info[:3], "platform": sysconfig.get_platform(),
           "major": sys.version_info[0], "minor": sys.version_info[1]}, sys.stdout)
`

// interpreters remembers what each Python that was asked for turned out to be.
type interpreters struct {
	mu    sync.Mutex
	known map[string]interpreter
}

// maxInterpreters is the most that are remembered; past it, all are asked anew.
const maxInterpreters = 100

func newInterpreters() *interpreters { return &interpreters{known: map[string]interpreter{}} }

// interpreter finds the Python that a processor asks for, or the node's.
func (s *Source) interpreter(ctx context.Context, p *messages.Processor) (interpreter, error) {
	asked := p.GetPython()
	if asked == "" {
		asked = s.config.Python
	}
	path, err := exec.LookPath(asked)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return interpreter{}, messages.Errorf(messages.NotFound, "find Python", asked, "this node has no such program").
			WithHint("install it, or name another")
	}
	s.interpreters.mu.Lock()
	defer s.interpreters.mu.Unlock()
	if known, ok := s.interpreters.known[path]; ok {
		return known, nil
	}
	found := interpreter{Path: path}
	out, err := found.script(ctx, probe, nil)
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	if err != nil {
		return interpreter{}, messages.Errorf(messages.Unavailable, "find Python", asked, "%v", err)
	}
	if found.Major != oldestMajor || found.Minor < oldestMinor {
		return interpreter{}, messages.Errorf(messages.Invalid, "find Python", asked, "it is Python %s; %d.%d or later is needed", found.Version, oldestMajor, oldestMinor)
	}
	if len(s.interpreters.known) >= maxInterpreters {
		clear(s.interpreters.known)
	}
	s.interpreters.known[path] = found
	return found, nil
}

// scriptLimit is how long one of our own scripts may take: they read, and wait for nothing.
const scriptLimit = time.Minute

// script runs a program of ours, isolated from the user's settings and
// packages, and gives what it writes.
func (i interpreter) script(ctx context.Context, program string, input []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, scriptLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, i.Path, "-I", "-S", "-c", program)
	ownGroup(cmd)
	var out, complaint bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &complaint
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		lines := strings.Split(strings.TrimSpace(complaint.String()), "\n")
		return nil, fmt.Errorf("%s: %w: %s", i.Path, err, lines[len(lines)-1])
	}
	return out.Bytes(), nil
}
