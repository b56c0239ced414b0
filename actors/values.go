package actors

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/messages"
)

// Values brings large values to partitions, and reads them there.
type Values interface {
	// Stow puts references in the places of values, so that no more than most
	// bytes stay, and brings their texts to the partition before.
	Stow(ctx context.Context, group messages.GroupID, most int, client bool, values []*[]byte) error
	// Fetch gives the text that a reference stands for.
	Fetch(ctx context.Context, group messages.GroupID, r messages.Reference) ([]byte, error)
}

const (
	// maxArguments bounds the bytes of large values that a node holds for its
	// workers, until these have read them.
	maxArguments = 4 * messages.MaxValue
	fetchLimit   = time.Minute
	fetchAgain   = 200 * time.Millisecond
)

// ------------------------------------------------------------------ results

// given is where the values stand that a function gave back.
func given(c *messages.Complete) []*[]byte {
	all := []*[]byte{&c.Result, &c.Output}
	for _, r := range c.Routed {
		all = append(all, &r.Value)
	}
	return all
}

// large says whether some of them must go ahead.
func large(c *messages.Complete) bool {
	return weight(c) > messages.MaxInline && len(messages.Apart(given(c), messages.MaxInline)) > 0
}

// stow brings an outcome's large values to the partition, however long that takes.
// Those of the same slot wait for it, and so keep their order; others do not.
func (s *outcomeStream) stow(one *outcome) {
	pause := proposeAgainFirst
	for one.ctx.Err() == nil && s.ctx.Err() == nil {
		if err := s.values.Stow(one.ctx, s.group, messages.MaxInline, false, given(one.complete)); err == nil {
			break
		}
		if !sleep(one.ctx, pause) {
			break
		}
		pause = min(2*pause, proposeAgainMax)
	}
	one.stowed()
	s.mu.Lock()
	defer s.mu.Unlock()
	one.stowing = false
	s.start()
}

// stowed tells a slot that a large result has left the node's memory.
type stowed struct{ session string }

func (s *slot) stowed(c actor.Context, m *stowed) {
	if m.session == s.session && s.stowing > 0 {
		s.stowing--
		s.feed(c)
	}
}

// ------------------------------------------------------------------ arguments

// fetched tells a slot the texts of a lease's arguments, or that they could not
// be had.
type fetched struct {
	lease     *lease
	arguments *messages.Arguments
	taken     func() // says that the worker has read them, or nobody will
	err       error
}

// prepared says whether a lease can be fed: its arguments are here. If not it has
// them fetched, when its turn has come: the worker is idle then, and reads them
// at once.
func (s *slot) prepared(c actor.Context, l *lease) bool {
	refs := messages.References(l.start.Arguments.Values()...)
	if len(refs) == 0 || l.arguments != nil {
		return true
	}
	if s.fed == 0 && !l.fetching {
		l.fetching = true
		s.fetch(c.Self(), l, refs, 0)
	}
	return false
}

// refuseTooLarge ends calls that gates have formed of more than a worker takes.
func (s *slot) refuseTooLarge(c actor.Context) {
	for s.fed < len(s.queue) {
		l, size := s.queue[s.fed], uint64(0)
		for _, v := range l.start.Arguments.Values() {
			size += messages.ValueSize(v)
		}
		if size <= messages.MaxValue {
			return
		}
		s.queue = slices.Delete(s.queue, s.fed, s.fed+1)
		s.complete(c.Self(), l.attempt, &messages.Complete{Outcome: messages.Outcome_BAD_RESULT, Failure: &messages.Failure{
			Type: "too_large", Message: fmt.Sprintf("its arguments have %d bytes together, and %d are the most", size, messages.MaxValue),
		}})
	}
}

func (s *slot) fetch(self *actor.PID, l *lease, refs []messages.Reference, pause time.Duration) {
	session, group, budget, values := s.ctx, messages.GroupID(l.start.Group), s.arguments, s.values
	s.pool.do(func() {
		sleep(session, pause)
		ctx, cancel := context.WithTimeout(session, fetchLimit)
		defer cancel()
		taken := make(chan struct{})
		m := &fetched{lease: l, taken: sync.OnceFunc(func() { close(taken) })}
		if m.err = budget.Acquire(ctx, sizeOf(refs)); m.err != nil {
			s.system.tell(self, m)
			return
		}
		defer budget.Release(sizeOf(refs))
		m.arguments, m.err = texts(ctx, values, group, l.start.Arguments)
		s.system.tell(self, m)
		select {
		case <-taken:
		case <-ctx.Done():
		}
	})
}

func sizeOf(refs []messages.Reference) (n int64) {
	for _, r := range refs {
		n += int64(r.Size)
	}
	return n
}

// texts gives arguments with the texts in place of references.
func texts(ctx context.Context, values Values, group messages.GroupID, a *messages.Arguments) (*messages.Arguments, error) {
	whole := new(messages.Arguments)
	text := func(value []byte) ([]byte, error) {
		r, ok := messages.ReadReference(value)
		if !ok {
			return value, nil
		}
		return values.Fetch(ctx, group, r)
	}
	for _, v := range a.GetPositional() {
		t, err := text(v)
		if err != nil {
			return nil, err
		}
		whole.Positional = append(whole.Positional, t)
	}
	for _, n := range a.GetNamed() {
		t, err := text(n.Value)
		if err != nil {
			return nil, err
		}
		whole.Named = append(whole.Named, &messages.NamedValue{Name: n.Name, Value: t})
	}
	return whole, nil
}

// fetched feeds the worker, unless the lease is gone by now. What could not be
// had is tried again: it is there for as long as its call.
func (s *slot) fetched(c actor.Context, m *fetched) {
	l := m.lease
	if !s.holds(l) {
		m.taken()
		return
	}
	if m.err != nil {
		m.taken()
		s.system.log.Warn("arguments of a call cannot be fetched", "actor", c.Self().Id, "call", l.call, "error", m.err)
		s.fetch(c.Self(), l, messages.References(l.start.Arguments.Values()...), fetchAgain)
		return
	}
	l.fetching, l.arguments, l.taken = false, m.arguments, m.taken
	s.feed(c)
}

func (s *slot) holds(l *lease) bool {
	for _, held := range s.queue {
		if held == l {
			return !l.withdrawn
		}
	}
	return false
}
