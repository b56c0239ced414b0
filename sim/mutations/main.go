// Command mutations plants one mistake after the other in the program, and says
// how many seeds it takes until a checker finds it:
//
//	go run -tags plant ./sim/mutations --rounds 3
//	go run -tags plant ./sim/mutations --report found.jsonl --time 4m   # in pieces, until all is in the file
//
// It exits with 1 when a mistake was not found within its limit.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/elasticcode/flow/plant"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "mutations: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	f := pflag.NewFlagSet("mutations", pflag.ContinueOnError)
	rounds := f.Int("rounds", 3, "how often each mistake is looked for, each time among other seeds")
	only := f.StringSlice("only", nil, "`names` of mistakes; none: all")
	level := f.String("by", "", "walks, worlds or stories: only what is looked for in that way")
	first := f.Uint64("first", 1, "the first `seed`")
	guest := f.String("guest", filepath.Join("bin", "plants.wasm"), "the node, compiled with the tag plant")
	jobs := f.Int("jobs", runtime.NumCPU(), "searches at the same time")
	file := f.String("report", "", "`file` that keeps what was found: what is in it is not looked for again")
	limit := f.Duration("time", 0, "no search begins after this `time` (0: no limit)")
	inside := f.Bool("inside", false, "look for the mistake that this process has, in simulated worlds")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *inside {
		return search(ctx, *guest, *first)
	}
	l, err := newLab(ctx, *guest)
	if err != nil {
		return err
	}
	defer l.close()
	chosen := slices.DeleteFunc(mutations(), func(m mutation) bool {
		return len(*only) > 0 && !slices.Contains(*only, string(m.bug)) || *level != "" && *level != m.way()
	})
	report, err := openReport(*file, *guest, *rounds)
	if err != nil {
		return err
	}
	defer report.close()
	return l.all(ctx, chosen, report, *first, *jobs, deadline(*limit))
}

// deadline is when a time is over that begins now; 0: never.
func deadline(limit time.Duration) func() bool {
	end := time.Now().Add(limit)
	return func() bool { return limit > 0 && time.Now().After(end) }
}

// all looks for mistakes that the report does not have yet, jobs searches at a
// time.
func (l *lab) all(ctx context.Context, chosen []mutation, report *report, first uint64, jobs int, over func() bool) error {
	work := make(chan func() error)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wait sync.WaitGroup
	for range max(1, jobs) {
		wait.Go(func() {
			for do := range work {
				if err := do(); err != nil {
					stop(err)
				}
			}
		})
	}
	for _, m := range chosen {
		for round := range report.rounds {
			seed := first + uint64(round)*apart
			if over() || ctx.Err() != nil || report.has(m, seed) {
				continue
			}
			if err := l.compile(ctx, m.pkg); err != nil {
				return err
			}
			work <- func() error {
				found, err := l.find(ctx, m, seed)
				if err != nil {
					return fmt.Errorf("look for %s: %w", m.bug, err)
				}
				return report.add(m, found)
			}
		}
	}
	close(work)
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return report.end(chosen)
}

// apart is how far the seeds of two rounds are from each other.
const apart = 10_000

// lab has what mistakes are looked for with.
type lab struct {
	dir   string // of the tests, compiled
	self  string // this program, which is run anew with each mistake
	guest string
	tests map[string]string // by package
}

func newLab(ctx context.Context, guest string) (*lab, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mutations-")
	if err != nil {
		return nil, err
	}
	return &lab{dir: dir, self: self, guest: guest, tests: map[string]string{}}, ctx.Err()
}

func (l *lab) close() { os.RemoveAll(l.dir) }

// found is how a mistake was found, from one seed on.
type found struct {
	Bug     plant.Bug     `json:"bug"`
	First   uint64        `json:"first"`
	Seeds   int           `json:"seeds"`   // that it took; 0: it was not found
	Checker string        `json:"checker"` // that found it
	Detail  string        `json:"detail"`
	Took    time.Duration `json:"took"`
}

func (l *lab) find(ctx context.Context, m mutation, first uint64) (found, error) {
	began := time.Now()
	look := l.inWorlds
	if m.pkg != "" {
		look = l.inTests
	}
	f, err := look(ctx, m, first)
	f.Bug, f.First, f.Took = m.bug, first, time.Since(began)
	return f, err
}

// planted is a command that runs with a mistake.
func planted(ctx context.Context, b plant.Bug, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), "PLANT="+string(b))
	return c
}

// line is a text in one line, and not too long.
func line(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return text[:min(len(text), 160)]
}
