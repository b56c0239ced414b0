package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	commandName = "flowcli task run, whole process"
	commitName  = "first call on a new commit"
	commitTries = 5
)

// people measures what somebody at a terminal waits for.
func people(ctx context.Context, o options, w *network, r *Report) error {
	if o.wants(commandName) {
		f, err := w.commands(ctx, o.each)
		if err != nil {
			return fmt.Errorf("%s: %w", commandName, err)
		}
		r.add(len(w.Nodes), f)
	}
	if o.wants(commitName) {
		f, err := w.commits(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", commitName, err)
		}
		r.add(len(w.Nodes), f)
	}
	return nil
}

func (w *network) commands(ctx context.Context, d time.Duration) (Figure, error) {
	var failed error
	f := closedLoop(ctx, 1, d, 1, func(ctx context.Context, _ int) error {
		err := w.flowcli(ctx, answer, "task", "run", "-s", socketPython, "-d", payload)
		if failed == nil {
			failed = err
		}
		return err
	})
	f.What = commandName
	return f, failed
}

// flowcli runs a command, whose output must hold a text.
func (w *network) flowcli(ctx context.Context, want string, args ...string) error {
	out, err := w.CLI(ctx, strings.Join(w.Addresses(), ","), nil, args...)
	if err == nil && (out.Code != 0 || !strings.Contains(out.Stdout, strings.Trim(want, `"`))) {
		err = fmt.Errorf("flowcli %s ends with %d, prints %q and says %q", strings.Join(args, " "), out.Code, out.Stdout, out.Stderr)
	}
	return err
}

// commits makes one commit after the other that leaves the requirements alone,
// and measures from `flowcli spawn` to the first answer of the new code.
func (w *network) commits(ctx context.Context) (Figure, error) {
	h := hdrhistogram.New(lowest, highest, digits)
	begun := time.Now()
	for i := range commitTries + 1 {
		if err := w.commit(ctx, "bench_commit.py", fmt.Sprintf("def which():\n    return 'commit %d'\n", i)); err != nil {
			return Figure{}, err
		}
		begin := time.Now()
		if err := w.flowcli(ctx, "", "spawn", "-g", "file://"+repositoryIn(w.dir), "-m", "bench_commit", "-n", "bench.commit", "-w", "1"); err != nil {
			return Figure{}, err
		}
		if err := w.flowcli(ctx, fmt.Sprintf("commit %d", i), "task", "run", "-s", "bench_commit.which"); err != nil {
			return Figure{}, err
		}
		if i == 0 {
			continue // there was no such processor
		}
		_ = h.RecordValue(time.Since(begin).Microseconds())
	}
	f := figure(h, 1, 1, time.Since(begun), new(failures))
	f.What = commitName
	return f, nil
}

// commit puts a file of a text into the repository.
func (w *network) commit(ctx context.Context, file, text string) error {
	dir := repositoryIn(w.dir)
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
		return err
	}
	for _, args := range [][]string{{"add", "-A"}, {"-c", "user.name=example", "-c", "user.email=example@example.invalid", "commit", "-q", "-m", "Another one"}} {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w\n%s", args[0], err, out)
		}
	}
	return nil
}
