package worker

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"crypto/sha256"

	"github.com/elasticcode/flow/messages"
)

//go:embed python/runner.py
var runner []byte

// Limits bound what one call may give back. A zero field has its default.
type Limits struct {
	Result    int // bytes of a result's JSON text; default messages.MaxValue; all that it gives back together has no more
	Log       int // bytes kept of what a call prints; default messages.MaxLog
	Traceback int // bytes kept of a traceback; default messages.MaxTraceback
}

// Config says how workers are started.
type Config struct {
	Watchdog []string // argv that leads to Watchdog: the node binary and "watchdog"
	Dir      string   // workers' directories are made in it; it belongs to this launcher alone
	Logger   *slog.Logger
	Limits   Limits
}

// Launcher starts workers and ends them.
type Launcher struct {
	config Config
	runner string // path of the runner's file

	mu      sync.Mutex
	closed  bool
	running map[*Process]struct{}
}

// New makes a launcher. Processes that an earlier run left in Dir are ended,
// and their directories removed.
func New(config Config) (*Launcher, error) {
	if len(config.Watchdog) == 0 || config.Dir == "" {
		return nil, fmt.Errorf("make worker launcher: watchdog and directory must be set")
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	config.Limits.Result = orDefault(config.Limits.Result, messages.MaxValue)
	config.Limits.Log = orDefault(config.Limits.Log, messages.MaxLog)
	config.Limits.Traceback = orDefault(config.Limits.Traceback, messages.MaxTraceback)
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, fmt.Errorf("make worker launcher: %w", err)
	}
	config.Dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make worker launcher: %w", err)
	}
	l := &Launcher{config: config, running: map[*Process]struct{}{}}
	if err := l.endEarlierRun(); err != nil {
		return nil, err
	}
	return l, l.writeRunner()
}

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// writeRunner puts the runner where interpreters can read it, under a name
// that changes with its content.
func (l *Launcher) writeRunner() error {
	sum := sha256.Sum256(runner)
	l.runner = filepath.Join(l.config.Dir, "runner-"+hex.EncodeToString(sum[:6])+".py")
	if have, err := os.ReadFile(l.runner); err == nil && string(have) == string(runner) {
		return nil
	}
	next := l.runner + ".new"
	if err := os.WriteFile(next, runner, 0o600); err != nil {
		return fmt.Errorf("write worker runner: %w", err)
	}
	if err := os.Rename(next, l.runner); err != nil {
		return fmt.Errorf("write worker runner: %w", err)
	}
	return nil
}

// A mark names one worker on the machine: its directory bears it, and each of
// its processes, however far removed, carries it.
type mark uint64

const dirPrefix = "worker-"

func (m mark) String() string { return strconv.FormatUint(uint64(m), 10) }

// newMark draws a mark between 2^40 and 2^41: large enough for a resource
// limit that must not limit anything.
func newMark() mark {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return mark(1<<40 | binary.BigEndian.Uint64(b[:])>>24)
}

// endEarlierRun ends what a run of the node left that could not clean up.
func (l *Launcher) endEarlierRun() error {
	entries, err := os.ReadDir(l.config.Dir)
	if err != nil {
		return fmt.Errorf("look for earlier workers: %w", err)
	}
	var marks []mark
	var dirs []string
	for _, e := range entries {
		text, ok := strings.CutPrefix(e.Name(), dirPrefix)
		n, err := strconv.ParseUint(text, 10, 64)
		if ok && err == nil {
			marks = append(marks, mark(n))
			dirs = append(dirs, filepath.Join(l.config.Dir, e.Name()))
		}
	}
	if len(marks) == 0 {
		return nil
	}
	l.config.Logger.Info("ending workers of an earlier run", "workers", len(marks))
	if left := endMarked(marks); left > 0 {
		return fmt.Errorf("end workers of an earlier run: %d processes could not be killed", left)
	}
	for _, dir := range dirs {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove directory of an earlier worker: %w", err)
		}
	}
	return nil
}

// Start starts a worker. ctx bounds the start alone; the worker runs until it
// exits or is stopped. events is called from one goroutine and must not block
// for long; it is given some events at once, in order, and Exited exactly when
// Start gave no error.
func (l *Launcher) Start(ctx context.Context, env messages.Environment, events func(...Event)) (*Process, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, messages.Errorf(messages.Unavailable, "start worker", env.Module, "the node is stopping")
	}
	p, err := l.start(ctx, env, events)
	if err != nil {
		return nil, err
	}
	l.running[p] = struct{}{}
	return p, nil
}

func (l *Launcher) forget(p *Process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.running, p)
}

// Close kills all workers and returns when no process of theirs is left.
func (l *Launcher) Close() error {
	l.mu.Lock()
	l.closed = true
	var running []*Process
	for p := range l.running {
		running = append(running, p)
	}
	l.mu.Unlock()
	for _, p := range running {
		p.Kill()
	}
	for _, p := range running {
		<-p.Ended()
	}
	return nil
}
