package actors

import (
	"context"
	"sync"

	"github.com/elasticcode/flow/messages"
)

// together is several calls that were sent together. One goroutine waits for all
// of them, and not one for each.
type together struct {
	tell func(i int, answer *messages.CallResponse, err error)
	all  []awaited
	done chan struct{} // closed when all are told

	mu   sync.Mutex
	left int
}

// awaited is one of them. It is told when both its answers are there: that of the
// log, and its end.
type awaited struct {
	of     *together
	number int
	id     messages.CallID

	// Under the lock of together:
	accepted *messages.CallResponse // by the log
	heard    bool                   // of its end, or that this replica does not lead any more
	end      *messages.Call         // nil: the latter
	told     bool
}

// Calls is Call for several of them. tell hears of each once, before Calls
// returns: with an error, the answer says whether it is known to be accepted all
// the same. It must not block. The numbers that come over gone are those of calls
// that nobody waits for any more.
func (p *Partition) Calls(ctx context.Context, all []*messages.Enqueue, gone <-chan int, tell func(i int, answer *messages.CallResponse, err error)) {
	const op = "run"
	g := &together{tell: tell, all: make([]awaited, len(all)), done: make(chan struct{}), left: len(all)}
	ids, commands := make([]messages.CallID, len(all)), make([]messages.Command, len(all))
	var err error
	for i, m := range all {
		ids[i] = messages.CallIDFrom(m.Id)
		g.all[i] = awaited{of: g, number: i, id: ids[i]}
		if commands[i], err = messages.NewCommand(m); err != nil {
			break
		}
	}
	if err == nil {
		err = p.waiters.registerAll(op, ids, func(i int) listener { return &g.all[i] })
	}
	if err != nil {
		for i := range all {
			tell(i, nil, err)
		}
		return
	}
	p.config.Group.ProposeAll(ctx, commands, func(i int, r messages.Result, index uint64, err error) {
		if err == nil {
			err = r.Reply.GetError().Err()
		}
		p.answered(op, &g.all[i], r.Reply.GetEnqueued(), index, err)
	})
	leave := func(i int) {
		p.waiters.forget(ids[i], &g.all[i])
		g.all[i].giveUp(op)
	}
	for {
		select {
		case <-g.done:
			return
		case i := <-gone:
			leave(i)
		case <-ctx.Done():
			for i := range g.all {
				leave(i)
			}
			return
		}
	}
}

// answered takes the log's answer.
func (p *Partition) answered(op string, a *awaited, e *messages.Enqueued, index uint64, err error) {
	accepted := &messages.CallResponse{Index: index, Duplicate: e.GetDuplicate()}
	switch {
	case err != nil:
		accepted = nil
	case ended(e.GetState()): // it was sent before, and nothing more will come of it
		call, known := p.config.State.Lookup(a.id)
		if !known {
			accepted, err = nil, p.config.State.Missing(op, a.id)
		} else {
			accepted.Call = call
		}
	default:
		a.accept(op, accepted)
		return
	}
	p.waiters.forget(a.id, a)
	a.settle(accepted, err)
}

// accept notes that the call is in the log.
func (a *awaited) accept(op string, answer *messages.CallResponse) {
	a.of.mu.Lock()
	defer a.of.mu.Unlock()
	a.accepted = answer
	if a.heard {
		a.ended(op)
	}
}

// tell hears of the call's end; see listener.
func (a *awaited) tell(c *messages.Call) bool {
	a.of.mu.Lock()
	defer a.of.mu.Unlock()
	a.end, a.heard = c, true
	if a.accepted != nil {
		a.ended("run")
	}
	return true
}

// ended is called when both answers are there.
func (a *awaited) ended(op string) {
	if a.end == nil {
		a.finish(a.accepted, notLeading(op, a.id))
		return
	}
	a.accepted.Call = a.end
	a.finish(a.accepted, nil)
}

// settle tells what became of a call whose end is not waited for.
func (a *awaited) settle(answer *messages.CallResponse, err error) {
	a.of.mu.Lock()
	defer a.of.mu.Unlock()
	a.finish(answer, err)
}

// giveUp tells that whoever asked waits no more.
func (a *awaited) giveUp(op string) {
	a.of.mu.Lock()
	defer a.of.mu.Unlock()
	a.finish(a.accepted, notYet(op, a.id))
}

func (a *awaited) finish(answer *messages.CallResponse, err error) {
	if a.told {
		return
	}
	a.told, a.accepted, a.end = true, nil, nil // they may be large, and the others may wait for long
	a.of.tell(a.number, answer, err)
	if a.of.left--; a.of.left == 0 {
		close(a.of.done)
	}
}
