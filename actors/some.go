package actors

import (
	"context"
	"errors"
	"time"

	"github.com/elasticcode/flow/messages"
)

// gatherFor is how long those who wait for a batch's results are kept after the
// first one, for more to come along with it.
const gatherFor = 10 * time.Millisecond

// gathering is told of calls as they end. What is over messages.MaxSome is left
// out: the next question finds it in the state.
type gathering struct {
	left  int // calls that have not ended
	size  int
	calls []*messages.Call
	lost  bool          // this replica does not lead any more
	some  chan struct{} // closed when there is something to give
	full  chan struct{} // closed when nothing more will come
}

func newGathering(n int) *gathering {
	return &gathering{left: n, some: make(chan struct{}), full: make(chan struct{})}
}

// tell is called with the waiters' lock held.
func (g *gathering) tell(c *messages.Call) (taken bool) {
	if g.left == 0 {
		return false
	}
	if c == nil {
		g.lost, g.left = true, 1 // the last word
	} else if size := c.Weight(); g.size+size <= messages.MaxSome || g.size == 0 {
		g.size += size
		g.calls, taken = append(g.calls, c), true
	}
	if g.left--; g.left == 0 || g.size >= messages.MaxSome {
		g.left = 0
		close(g.full)
	}
	if !g.begun() {
		close(g.some)
	}
	return taken
}

func (g *gathering) begun() bool {
	select {
	case <-g.some:
		return true
	default:
		return false
	}
}

// AwaitSome waits until some of a batch's calls have ended that the client does
// not know of, and gives those, up to messages.MaxSome bytes.
func (p *Partition) AwaitSome(ctx context.Context, q *messages.AwaitSomeRequest) ([]*messages.Call, error) {
	const op = "wait for calls of batch"
	first, ids := messages.CallIDFrom(q.First), unknownOf(q)
	g := newGathering(len(ids))
	if len(ids) == 0 {
		return nil, messages.Errorf(messages.Invalid, op, first.String(), "all of its results are known")
	}
	found, err := p.waiters.registerSome(op, ids, g)
	if err != nil {
		return nil, err
	}
	defer p.waiters.forgetAll(ids, g)
	if found {
		return p.waiters.gather(ctx, op, first, g)
	}
	ended, there := p.config.State.Ended(first, int(q.Count), q.Known)
	if !there {
		// This replica may have lost the lead without knowing it yet.
		if err := p.verify(ctx); err != nil {
			return nil, err
		}
		ended, there = p.config.State.Ended(first, int(q.Count), q.Known)
	}
	switch {
	case !there:
		if err := p.config.State.Missing(op, ids[0]); errors.Is(err, messages.Gone) {
			return nil, err
		}
		return nil, messages.Errorf(messages.NotFound, op, first.String(), "there is no such batch of %d calls", q.Count)
	case len(ended) > 0:
		return ended, nil
	}
	return p.waiters.gather(ctx, op, first, g)
}

// registerSome registers a gathering, and tells it of those that have ended lately.
func (w *waiters) registerSome(op string, ids []messages.CallID, g *gathering) (found bool, err error) {
	if err := w.registerAll(op, ids, func(int) listener { return g }); err != nil {
		return false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if call, ended := w.lately.calls[id]; ended && g.left > 0 {
			w.remove(id, g)
			g.tell(call)
			found = true
		}
	}
	return found, nil
}

// unknownOf gives the ids whose results the client does not have.
func unknownOf(q *messages.AwaitSomeRequest) (ids []messages.CallID) {
	first := messages.CallIDFrom(q.First)
	for i := range int(q.Count) {
		if !messages.Known(q.Known).Has(i) {
			ids = append(ids, first.At(first.Index()+i))
		}
	}
	return ids
}

// gather waits for the first end, and a little longer.
func (w *waiters) gather(ctx context.Context, op string, first messages.CallID, g *gathering) ([]*messages.Call, error) {
	select {
	case <-g.some:
	case <-ctx.Done():
		return nil, messages.Errorf(messages.Deadline, op, first.String(), "none of them has ended since").
			WithHint("they go on; ask for their results later")
	}
	enough := time.NewTimer(gatherFor)
	defer enough.Stop()
	select {
	case <-g.full:
	case <-enough.C:
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(g.calls) == 0 {
		return nil, notLeading(op, first)
	}
	g.left = 0 // what comes now is found in the state
	return g.calls, nil
}
