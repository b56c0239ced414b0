package cluster

import (
	"context"
	"time"
)

// loop is the rhythm of what keeps something as it should be: look when
// something may have changed, and now and then all the same, for not every
// change is told.
type loop struct {
	kick chan struct{}
}

const (
	// restless is the pause between looks while something is under way.
	restless = 250 * time.Millisecond
	// calm is the pause when all was as it should be.
	calm = 3 * time.Second
)

func newLoop() loop { return loop{kick: make(chan struct{}, 1)} }

// Kick says that something may have changed. It never blocks.
func (l loop) Kick() { signal(l.kick) }

// run looks until the context ends. look says whether all was as it should be.
func (l loop) run(ctx context.Context, look func(context.Context) (settled bool)) {
	for ctx.Err() == nil {
		wait := restless
		if look(ctx) {
			wait = calm
		}
		select {
		case <-time.After(wait):
		case <-l.kick:
		case <-ctx.Done():
		}
	}
}
