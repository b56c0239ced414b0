package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/elasticcode/flow/sim"
)

// world adds the flags that say what to simulate; what it gives reads the file
// among them.
func world(f *pflag.FlagSet, o *sim.Options) (read func() error) {
	var flow string
	f.DurationVar(&o.For, "for", 60*time.Second, "simulated `time`; no fault and no new call in the last "+sim.Settle.String())
	f.StringSliceVar(&o.Faults, "faults", sim.Kinds(), "`kinds` of faults and operations; none: \"\"")
	f.StringSliceVar(&o.Buggify, "buggify", sim.Points(), "`points` in the program at which the unlikely happens often; none: \"\"")
	f.IntVar(&o.Callers, "callers", sim.DefaultCallers, "callers that send calls at the same time; each seed of a swarm draws them, up to so many")
	f.IntVar(&o.Calls, "calls", 0, "calls of each caller (0: as many as the time allows)")
	f.Int64Var(&o.Snapshot, "snapshot-bytes", sim.DefaultSnapshot, "`bytes` of a log until a snapshot is taken (0: as many as in production)")
	f.StringVar(&flow, "flow", "", "YAML `file` of the network and its calls, like examples/flows/orders.yaml (default: the usual ones)")
	return func() (err error) {
		if flow != "" {
			o.Flow, err = sim.ReadFlow(flow)
		}
		return err
	}
}

// watching adds the flags that let a run be watched; what it gives is called
// before the run, and what that gives after it.
func watching(f *pflag.FlagSet, o *sim.Options) func() (func() error, error) {
	var trace, logs bool
	var level, profile string
	f.BoolVar(&trace, "trace", false, "print each line of the trace")
	f.BoolVar(&logs, "logs", false, "print the nodes' logs, on stderr; a run that logs has another hash")
	f.StringVar(&level, "log-level", "info", "of the nodes' logs")
	f.StringVar(&profile, "profile", "", "`file` for a CPU profile of the simulator")
	return func() (func() error, error) {
		if trace {
			o.Trace = os.Stdout
		}
		if logs {
			o.Log, o.Level = os.Stderr, level
		}
		if profile == "" {
			return func() error { return nil }, nil
		}
		p, err := os.Create(profile)
		if err != nil {
			return nil, err
		}
		return func() error { pprof.StopCPUProfile(); return p.Close() }, pprof.StartCPUProfile(p)
	}
}

func run(ctx context.Context, args []string) error {
	var o sim.Options
	var p program
	var keep string
	f := flags("run [flags]", "One run of one seed:\n\n  sim run --seed 7 --nodes 3 --for 60s --faults kill,loss")
	f.Uint64Var(&o.Seed, "seed", 1, "decides all that chance decides")
	f.IntVar(&o.Nodes, "nodes", 3, "nodes in the network")
	read := world(f, &o)
	f.StringVar(&keep, "keep", "", "`directory` to keep all about the run in")
	watch := watching(f, &o)
	p.flags(f)
	if err := errors.Join(parse(f, args, 0), read()); err != nil {
		return err
	}
	g, err := p.load(ctx)
	if err != nil {
		return err
	}
	defer g.Close(ctx)
	return once(&o, watch, func(o sim.Options) (*sim.Result, error) {
		if keep != "" {
			return sim.Keep(ctx, g, o, keep)
		}
		return sim.Run(ctx, g, o)
	})
}

// once runs, reports, and says whether promises were broken.
func once(o *sim.Options, watch func() (func() error, error), do func(sim.Options) (*sim.Result, error)) error {
	stop, err := watch()
	if err != nil {
		return err
	}
	before := processor()
	r, err := do(*o)
	used := processor() - before
	if err := stop(); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	report(r, *o, used)
	if len(r.Violations) > 0 {
		return fmt.Errorf("seed %d broke %d promises", o.Seed, len(r.Violations))
	}
	return nil
}

func report(r *sim.Result, o sim.Options, used time.Duration) {
	count := map[string]int{}
	for _, e := range r.History {
		word, _, _ := strings.Cut(e.Line, " ")
		count[word]++
	}
	for _, v := range r.Violations {
		fmt.Println("BROKEN", v)
	}
	fmt.Printf("calls: %d sent, %d accepted, %d reads; entries applied: %d; states hashed: %d; leaderships: %d; faults: %s\n",
		count["invoke"], count["accepted"], count["read"], count["applied"], count["state"], count["leading"], counts(r.Faults))
	fmt.Printf("%s simulated in %s, %.1f seconds a second of processor time; %d lines of trace\n", r.Simulated, r.Took.Round(time.Millisecond),
		r.Simulated.Seconds()/used.Seconds(), r.Lines)
	fmt.Printf("seed %d hash %s\n", o.Seed, r.Hash)
}

// counts lists how often each kind of event happened.
func counts(of map[string]int) string {
	var all []string
	for _, name := range sim.Kinds() {
		if of[name] > 0 {
			all = append(all, fmt.Sprintf("%s %d", name, of[name]))
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
