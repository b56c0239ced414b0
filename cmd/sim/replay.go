package main

import (
	"context"
	"fmt"

	"github.com/elasticcode/flow/sim"
)

func replay(ctx context.Context, args []string) error {
	var o sim.Options
	var p program
	f := flags("replay DIR [flags]", "Runs what a folder, or a file of sim/corpus, says once more, and compares the hash.")
	watch := watching(f, &o)
	p.flags(f)
	if err := parse(f, args, 1); err != nil {
		return err
	}
	var err error
	if o, err = sim.ReadOptions(f.Arg(0)); err != nil { // what the flags say is added by watch
		return err
	}
	g, err := p.load(ctx)
	if err != nil {
		return err
	}
	defer g.Close(ctx)
	kept := sim.Kept(f.Arg(0))
	return once(&o, watch, func(o sim.Options) (*sim.Result, error) {
		r, err := sim.Run(ctx, g, o)
		if err == nil && kept != "" && kept != r.Hash {
			fmt.Printf("the folder's hash is %s: the program is not the one that made it, or logs are on\n", kept)
		}
		return r, err
	})
}
