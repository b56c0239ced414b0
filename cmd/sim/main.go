// Command sim runs the real nodes in a simulated world.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/elasticcode/flow/sim"
)

const help = `sim runs the real nodes in a simulated world: same seed, same run.

  sim run --seed 1 --nodes 3 --for 60s     prints what happened, and in its last line the trace's hash

It exits with 1 when a promise was broken.

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "sim: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var o sim.Options
	var faults []string
	var guest, cache, profile string
	var trace, logs bool
	f := pflag.NewFlagSet("sim", pflag.ContinueOnError)
	f.SortFlags = false
	f.Uint64Var(&o.Seed, "seed", 1, "decides all that chance decides")
	f.IntVar(&o.Nodes, "nodes", 3, "nodes in the network")
	f.DurationVar(&o.For, "for", 60*time.Second, "simulated `time`; no fault and no new call in the last "+sim.Settle.String())
	f.StringSliceVar(&faults, "faults", sim.Kinds(), "`kinds` of faults; none: \"\"")
	f.StringVar(&guest, "guest", "", "compiled node, for GOOS=wasip1 (default: node.wasm beside this executable)")
	f.StringVar(&cache, "cache", "", "`directory` for machine code (default: in the user's cache directory)")
	f.BoolVar(&trace, "trace", false, "print each line of the trace")
	f.BoolVar(&logs, "logs", false, "print the nodes' logs")
	f.StringVar(&o.Level, "log-level", "info", "of the nodes' logs")
	f.StringVar(&profile, "profile", "", "`file` for a CPU profile of the simulator")
	f.Usage = func() { fmt.Print(help + f.FlagUsages()) }
	if err := f.Parse(args); err != nil {
		if err == pflag.ErrHelp {
			return nil
		}
		return err
	}
	if f.NArg() != 1 || f.Arg(0) != "run" {
		return fmt.Errorf("%q: want `sim run`; see sim --help", f.Args())
	}
	o.Faults = faults
	if trace {
		o.Trace = os.Stdout
	}
	if logs {
		o.Log = os.Stderr
	} else {
		o.Level = ""
	}
	if profile != "" {
		p, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer p.Close()
		if err := pprof.StartCPUProfile(p); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	return simulate(ctx, guest, cache, o)
}

func simulate(ctx context.Context, guest, cache string, o sim.Options) error {
	if guest == "" {
		exe, err := os.Executable()
		if err != nil {
			return err
		}
		guest = filepath.Join(filepath.Dir(exe), "node.wasm")
	}
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		cache = filepath.Join(dir, "elasticflow-sim")
	}
	g, err := sim.Load(ctx, guest, cache)
	if err != nil {
		return err
	}
	defer g.Close(ctx)
	before := processor()
	r, err := sim.Run(ctx, g, o)
	if err != nil {
		return err
	}
	report(r, o, processor()-before)
	if len(r.Violations) > 0 {
		return fmt.Errorf("seed %d broke %d promises", o.Seed, len(r.Violations))
	}
	return nil
}

// processor is how much processor time this process has used.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // there is no other reason than a bad argument
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
	var faults []string
	for _, fault := range sim.Kinds() {
		faults = append(faults, fmt.Sprintf("%s %d", fault, r.Faults[fault]))
	}
	fmt.Printf("calls: %d sent, %d accepted, %d reads; entries applied: %d; states hashed: %d; leaderships: %d; faults: %s\n",
		count["invoke"], count["accepted"], count["read"], count["applied"], count["state"], count["leading"], strings.Join(faults, ", "))
	fmt.Printf("%s simulated in %s, %.1f seconds a second of processor time; %d lines of trace\n", r.Simulated, r.Took.Round(time.Millisecond),
		r.Simulated.Seconds()/used.Seconds(), r.Lines)
	fmt.Printf("seed %d hash %s\n", o.Seed, r.Hash)
}
