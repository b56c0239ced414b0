package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/elasticcode/flow/sim"
)

func shrink(ctx context.Context, args []string) error {
	var p program
	var runs int
	f := flags("shrink DIR [flags]", "Looks for a smaller run that breaks the same promise, and keeps it in DIR/small.")
	f.IntVar(&runs, "runs", 200, "runs to try, at most")
	p.flags(f)
	if err := parse(f, args, 1); err != nil {
		return err
	}
	o, err := sim.ReadOptions(f.Arg(0))
	if err != nil {
		return err
	}
	g, err := p.load(ctx)
	if err != nil {
		return err
	}
	defer g.Close(ctx)
	r, err := sim.Run(ctx, g, o)
	if err != nil {
		return err
	}
	if len(r.Violations) == 0 {
		return fmt.Errorf("%s: the run breaks no promise with this program", f.Arg(0))
	}
	o.Script = r.Script
	small, err := sim.Shrink(ctx, g, o, r.Violations[0].Promise, runs, func(o sim.Options, what string) {
		fmt.Printf("%s: %d events, %d nodes, %d callers, %s\n", what, len(o.Script), o.Nodes, o.Callers, o.For)
	})
	if err != nil {
		return err
	}
	dir := filepath.Join(f.Arg(0), "small")
	fmt.Printf("  sim replay %s\n", dir)
	_, err = sim.Keep(ctx, g, small, dir)
	return err
}
