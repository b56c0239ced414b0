package sim

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Swarm is many runs, each of its own seed. A run has some of the kinds of
// events: what goes wrong with one kind alone is seldom seen when all happen at
// once.
type Swarm struct {
	Base  Options       // of every run: the length, the kinds to draw from, nodes and callers (0: drawn, too)
	First uint64        // seed of the first run; the others follow
	Seeds int           // at most so many runs; 0: as many as the time allows
	Time  time.Duration // no run begins after it; 0: no limit
	Jobs  int           // at the same time
}

// Run runs the swarm. Each is called with every run's outcome, one at a time.
func (s Swarm) Run(ctx context.Context, g *Guest, each func(Options, *Result) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex // guards next, and calls of each
	next, began := 0, time.Now()
	take := func() (Options, bool) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() != nil || s.Seeds > 0 && next >= s.Seeds || s.Time > 0 && time.Since(began) >= s.Time {
			return Options{}, false
		}
		next++
		return s.Base.varied(s.First + uint64(next-1)), true
	}
	var wait sync.WaitGroup
	for range max(1, s.Jobs) {
		wait.Go(func() {
			for o, ok := take(); ok; o, ok = take() {
				r, err := Run(ctx, g, o)
				mu.Lock()
				if err == nil {
					err = each(o, r)
				}
				mu.Unlock()
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}

// How a swarm varies: one run in so many has no event at all, one in so many a
// single kind, and of the others one in so many has few, where the rest have half:
// with all at once each hides the others.
const (
	calmOneIn   = 12
	singleOneIn = 4
	fewOneIn    = 2
	fewShare    = 0.15
)

// sizes are the networks that a swarm draws from: three nodes are usual.
var sizes = []int{3, 3, 3, 5, 2, 1}

// varied are the options of one run of a swarm.
func (o Options) varied(seed uint64) Options {
	rng := stream(seed, "swarm")
	o.Seed = seed
	if o.Nodes == 0 {
		o.Nodes = sizes[rng.IntN(len(sizes))]
	}
	o.Faults = subset(rng, o.Faults)
	o.Buggify = subset(rng, o.Buggify)
	if o.Callers == 0 {
		o.Callers = 1 + rng.IntN(DefaultCallers)
	}
	return o
}

// subset draws none of the names, one, few, or about half.
func subset(rng *rand.Rand, names []string) []string {
	switch {
	case len(names) == 0 || rng.IntN(calmOneIn) == 0:
		return nil
	case rng.IntN(singleOneIn) == 0:
		i := rng.IntN(len(names))
		return names[i : i+1]
	}
	share := 0.5
	if rng.IntN(fewOneIn) == 0 {
		share = fewShare
	}
	var drawn []string
	for _, name := range names {
		if rng.Float64() < share {
			drawn = append(drawn, name)
		}
	}
	return drawn
}
