package actors

import (
	"context"
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
)

// MaxWaiters is how many calls may be waited for at one partition's leader.
const MaxWaiters = 1 << 17

// waiterRetry is how long to wait before the next try when they are too many.
const waiterRetry = time.Second

// waiters holds those who wait for a call's end, while this replica leads.
type waiters struct {
	mu      sync.Mutex
	leading bool
	stopped bool // for good
	count   int
	byCall  map[messages.CallID][]listener
	lately  lately
}

// listener is told once of each call that it is registered for: of its end, or
// by nil that this replica no longer leads. It must not block, and says whether
// it takes the call.
type listener interface {
	tell(*messages.Call) (taken bool)
}

// waiter waits for one call.
type waiter struct{ end chan *messages.Call }

func (w *waiter) tell(c *messages.Call) bool {
	w.end <- c
	return true
}

// register must come before what ends the call is proposed, or looked for.
func (w *waiters) register(op string, id messages.CallID) (*waiter, error) {
	one := &waiter{make(chan *messages.Call, 1)}
	return one, w.registerAll(op, []messages.CallID{id}, func(int) listener { return one })
}

// registerAll registers a listener for each of several calls.
func (w *waiters) registerAll(op string, ids []messages.CallID, of func(i int) listener) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.leading {
		return notLeading(op, ids[0])
	}
	if w.count+len(ids) > MaxWaiters {
		e := messages.Errorf(messages.Exhausted, op, ids[0].String(), "%d calls are waited for at this partition already", w.count).
			WithHint("submit without waiting, and ask for the result later")
		e.RetryAfter = waiterRetry
		return e
	}
	for i, id := range ids {
		w.byCall[id] = append(w.byCall[id], of(i))
	}
	w.count += len(ids)
	return nil
}

// forget takes a listener out that was not told.
func (w *waiters) forget(id messages.CallID, one listener) {
	w.forgetAll([]messages.CallID{id}, one)
}

// forgetAll takes a listener out of all calls that it was not told of.
func (w *waiters) forgetAll(ids []messages.CallID, one listener) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		w.remove(id, one)
	}
}

func (w *waiters) remove(id messages.CallID, one listener) {
	all := w.byCall[id]
	for i := range all {
		if all[i] != one {
			continue
		}
		w.count--
		if len(all) == 1 {
			delete(w.byCall, id)
			return
		}
		w.byCall[id] = append(all[:i:i], all[i+1:]...)
		return
	}
}

// wake tells all who wait for a call.
func (w *waiters) wake(call *messages.Call) {
	id := messages.CallIDFrom(call.Id)
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := false
	for _, one := range w.byCall[id] {
		taken = one.tell(call) || taken
		w.count--
	}
	delete(w.byCall, id)
	if !taken {
		w.lately.add(id, call)
	}
}

func (w *waiters) open() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leading = !w.stopped
}

// close sends all away, so that they register with the new leader.
func (w *waiters) close(forGood bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leading, w.stopped = false, w.stopped || forGood
	for _, all := range w.byCall {
		for _, one := range all {
			one.tell(nil)
		}
	}
	clear(w.byCall)
	w.count, w.lately = 0, lately{}
}

func notLeading(op string, id messages.CallID) error {
	return messages.Errorf(messages.NotLeader, op, id.String(), "this node does not lead the call's partition")
}

// wait waits for the call's end.
func (w *waiters) wait(ctx context.Context, op string, id messages.CallID, one *waiter) (*messages.Call, error) {
	select {
	case call := <-one.end:
		if call == nil {
			return nil, notLeading(op, id)
		}
		return call, nil
	case <-ctx.Done():
		w.forget(id, one)
		return nil, notYet(op, id)
	}
}

func notYet(op string, id messages.CallID) error {
	return messages.Errorf(messages.Deadline, op, id.String(), "the call has not ended yet").
		WithHint("it goes on; ask for its result later")
}

// Await waits for the end of a call that was accepted before.
func (p *Partition) Await(ctx context.Context, id messages.CallID) (*messages.Call, error) {
	const op = "wait for call"
	one, err := p.waiters.register(op, id)
	if err != nil {
		return nil, err
	}
	call, known := p.config.State.Lookup(id)
	if !known {
		// This replica may have lost the lead without knowing it yet.
		if err = p.verify(ctx); err == nil {
			call, known = p.config.State.Lookup(id)
		}
	}
	switch {
	case err != nil:
	case !known:
		err = p.config.State.Missing("wait for", id) // it says itself that it is about a call
	case ended(call.State):
	default:
		return p.waiters.wait(ctx, op, id, one)
	}
	p.waiters.forget(id, one)
	return call, err
}

func (p *Partition) verify(ctx context.Context) error {
	index, err := p.config.Group.ReadIndex(ctx)
	if err != nil {
		return err
	}
	return p.config.Group.WaitApplied(ctx, index)
}

// Call enqueues a call and waits for its end. With an error, the answer says
// whether it is known to be accepted all the same.
func (p *Partition) Call(ctx context.Context, m *messages.Enqueue) (*messages.CallResponse, error) {
	const op = "run"
	id := messages.CallIDFrom(m.Id)
	one, err := p.waiters.register(op, id)
	if err != nil {
		return nil, err
	}
	reply, index, err := p.propose(ctx, m)
	if err == nil {
		err = reply.GetError().Err()
	}
	if err != nil {
		p.waiters.forget(id, one)
		return nil, err
	}
	answer := &messages.CallResponse{Index: index, Duplicate: reply.GetEnqueued().GetDuplicate()}
	if ended(reply.GetEnqueued().GetState()) { // it was sent before, and nothing more will come of it
		p.waiters.forget(id, one)
		var known bool
		if answer.Call, known = p.config.State.Lookup(id); !known {
			return nil, p.config.State.Missing(op, id)
		}
		return answer, nil
	}
	answer.Call, err = p.waiters.wait(ctx, op, id, one)
	return answer, err
}

func ended(s messages.CallState) bool {
	switch s {
	case messages.CallState_FINISHED, messages.CallState_FAILED, messages.CallState_CANCELLED, messages.CallState_EXPIRED:
		return true
	}
	return false
}
