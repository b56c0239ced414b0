package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/elasticcode/flow/plant"
	"github.com/elasticcode/flow/sim"
)

// answer is what a process says that looked for its mistake.
type answer struct {
	Seeds   int    `json:"seeds"`
	Promise string `json:"promise"`
	Detail  string `json:"detail"`
}

// inWorlds lets a process of its own look for a mistake in simulated worlds: the
// checkers, which replay what the nodes' state machines did, must have it too.
func (l *lab) inWorlds(ctx context.Context, m mutation, first uint64) (f found, err error) {
	c := planted(ctx, m.bug, l.self, "--inside", "--guest", l.guest, "--first", fmt.Sprint(first))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return f, err
	}
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		return f, fmt.Errorf("read %q: %w", out, err)
	}
	return found{Seeds: a.Seeds, Checker: a.Promise, Detail: a.Detail}, nil
}

// search runs seeds until one breaks a promise.
func search(ctx context.Context, guest string, first uint64) error {
	all := mutations()
	i := slices.IndexFunc(all, func(m mutation) bool { return m.bug == plant.Planted() })
	if i < 0 || all[i].pkg != "" {
		return fmt.Errorf("%q: want one of those that are looked for in worlds", plant.Planted())
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	g, err := sim.Load(ctx, guest, filepath.Join(cache, "elasticflow-sim"))
	if err != nil {
		return err
	}
	defer g.Close(ctx)
	var a answer
	for seed := range uint64(all[i].most()) {
		o, err := all[i].options(first + seed)
		if err != nil {
			return err
		}
		r, err := sim.Run(ctx, g, o)
		if err != nil {
			return err
		}
		if len(r.Violations) > 0 {
			a = answer{int(seed) + 1, r.Violations[0].Promise, line(r.Violations[0].Detail)}
			break
		}
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}
