package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/elasticcode/flow/sim"
)

// mostKept is how many failures of one swarm are kept: the others are told.
const mostKept = 10

func swarm(ctx context.Context, args []string) error {
	var s sim.Swarm
	var p program
	var keep string
	f := flags("swarm [flags]", "Many seeds, each with some of the kinds of faults and operations, until seeds or time are over:\n\n  sim swarm --seeds 100 --jobs 2 --time 10m")
	f.Uint64Var(&s.First, "first", 1, "the first `seed`; 0: a fresh one, by the clock")
	f.IntVar(&s.Seeds, "seeds", 0, "how many (0: as many as --time allows; without either, 100)")
	f.IntVar(&s.Jobs, "jobs", runtime.NumCPU(), "runs at the same time")
	f.DurationVar(&s.Time, "time", 0, "no run begins after this `time` (0: no limit)")
	f.IntVar(&s.Base.Nodes, "nodes", 0, "nodes in the network (0: each seed draws them)")
	read := world(f, &s.Base)
	f.StringVar(&keep, "keep", "sim-failures", "`directory` for a folder of each failure")
	p.flags(f)
	if err := errors.Join(parse(f, args, 0), read()); err != nil {
		return err
	}
	if !f.Changed("callers") {
		s.Base.Callers = 0 // each seed draws them
	}
	if s.Seeds == 0 && s.Time == 0 {
		s.Seeds = 100
	}
	if s.First == 0 {
		s.First = uint64(time.Now().UnixNano())
	}
	g, err := p.load(ctx)
	if err != nil {
		return err
	}
	defer g.Close(ctx)
	var sum tally
	before := processor()
	err = s.Run(ctx, g, func(o sim.Options, r *sim.Result) error {
		sum.add(r)
		if len(r.Violations) == 0 {
			fmt.Fprintf(os.Stderr, "seed %d, %d nodes: %s simulated, %d calls accepted, in %s\n", o.Seed, o.Nodes, r.Simulated, r.History.Count("accepted"), r.Took.Round(time.Second))
			return nil
		}
		fmt.Printf("seed %d, %d nodes: BROKEN %s\n", o.Seed, o.Nodes, r.Violations[0])
		if sum.failed > mostKept {
			return nil
		}
		dir := filepath.Join(keep, fmt.Sprintf("seed-%d", o.Seed))
		fmt.Printf("  sim replay %s\n", dir)
		_, err := sim.Keep(ctx, g, o, dir)
		return err
	})
	sum.print(processor() - before)
	if err == nil && sum.failed > 0 {
		err = fmt.Errorf("%d of %d seeds broke a promise", sum.failed, sum.runs)
	}
	return err
}

// tally is what a swarm has seen.
type tally struct {
	runs, failed    int
	simulated       time.Duration
	calls, accepted int
	faults          map[string]int
	sometimes       map[string]int
}

func (t *tally) add(r *sim.Result) {
	if t.faults == nil {
		t.faults, t.sometimes = map[string]int{}, map[string]int{}
	}
	t.runs++
	t.simulated += r.Simulated
	if len(r.Violations) > 0 {
		t.failed++
	}
	for kind, n := range r.Faults {
		t.faults[kind] += n
	}
	for _, name := range sim.Seen(r.History) {
		t.sometimes[name]++
	}
	t.calls += r.History.Count("invoke")
	t.accepted += r.History.Count("accepted")
}

func (t *tally) print(used time.Duration) {
	fmt.Printf("%d seeds, %d broke a promise; %s simulated, %.1f seconds a second of processor time; %d calls sent, %d accepted\n",
		t.runs, t.failed, t.simulated, t.simulated.Seconds()/used.Seconds(), t.calls, t.accepted)
	fmt.Printf("faults: %s\n", counts(t.faults))
	for _, name := range sim.Sometimes() {
		if n := t.sometimes[name]; n > 0 {
			fmt.Printf("sometimes: %4d seeds: %s\n", n, name)
		} else {
			fmt.Printf("never:                %s\n", name)
		}
	}
}
