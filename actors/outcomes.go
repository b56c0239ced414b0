package actors

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// maxOutcomeBytes bounds the results and logs that one command carries; one
// that is larger goes alone.
const maxOutcomeBytes = 256 << 10

// outcomes tells the partitions how the attempts of a node ended.
type outcomes struct {
	proposer Proposer
	values   Values
	pool     *pool
	ctx      context.Context
	stop     context.CancelFunc

	mu  sync.Mutex
	all map[messages.GroupID]*outcomeStream
}

func newOutcomes(p Proposer, v Values, pool *pool) *outcomes {
	o := &outcomes{proposer: p, values: v, pool: pool, all: map[messages.GroupID]*outcomeStream{}}
	o.ctx, o.stop = context.WithCancel(context.Background())
	return o
}

// to gives the stream to a partition.
func (o *outcomes) to(group messages.GroupID) *outcomeStream {
	o.mu.Lock()
	defer o.mu.Unlock()
	s, ok := o.all[group]
	if !ok {
		s = &outcomeStream{outcomes: o, group: group}
		o.all[group] = s
	}
	return s
}

// outcomeStream tells one partition, in the order in which attempts ended: one
// command at a time, which takes along all that came while the last one was on
// its way. It never waits for more.
type outcomeStream struct {
	*outcomes
	group messages.GroupID

	mu      sync.Mutex
	waiting []*outcome // bounded by the windows of the node's slots
	sending bool
}

// outcome is one of them, and who wants to know when it is told.
type outcome struct {
	ctx      context.Context // ends with the session that held the attempt
	group    messages.GroupID
	complete *messages.Complete
	answered func(*messages.Reply, error) // an error: the session, or the node, has ended
	stowed   func()                       // called when large values have gone ahead
	stowing  bool                         // they are about to
}

// send does not block.
func (s *outcomeStream) send(some ...*outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range some {
		s.waiting = append(s.waiting, one)
		if large(one.complete) {
			one.stowing = true
			s.pool.do(func() { s.stow(one) })
		}
	}
	s.start()
}

// start sends what can be sent; mu is held.
func (s *outcomeStream) start() {
	if !s.sending {
		s.sending = true
		s.pool.do(s.run)
	}
}

func (s *outcomeStream) run() {
	for batch := s.next(); batch != nil; batch = s.next() {
		batch = current(batch)
		if len(batch) == 0 {
			continue
		}
		reply, err := settle(s.ctx, s.proposer, s.group, command(batch))
		for i, one := range batch {
			one.answered(part(reply, i, len(batch)), err)
		}
	}
}

// next gives what goes with the next command; nil: nothing can go. What ended at
// a slot after an attempt whose values have not gone ahead yet waits for it.
func (s *outcomeStream) next() (batch []*outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var behind []string
	kept, bytes := s.waiting[:0:0], 0
	for i, one := range s.waiting {
		c := one.complete
		if one.stowing || len(behind) > 0 && slices.Contains(behind, c.Slot) {
			behind, kept = append(behind, c.Slot), append(kept, one)
			continue
		}
		bytes += weight(c)
		if len(batch) == messages.MaxCompletes || len(batch) > 0 && bytes > maxOutcomeBytes {
			kept = append(kept, s.waiting[i:]...)
			break
		}
		batch = append(batch, one)
	}
	s.waiting = kept
	s.sending = batch != nil
	return batch
}

// weight is the bytes of what a function gave back.
func weight(c *messages.Complete) int {
	n := len(c.Result) + len(c.Output) + len(c.Log) + len(c.GetFailure().GetTraceback())
	for _, r := range c.Routed {
		n += len(r.Name) + len(r.Value)
	}
	return n
}

// current drops those whose session has ended.
func current(batch []*outcome) []*outcome {
	kept := batch[:0]
	for _, one := range batch {
		if err := one.ctx.Err(); err != nil {
			one.answered(nil, err)
			continue
		}
		kept = append(kept, one)
	}
	return kept
}

func command(batch []*outcome) proto.Message {
	if len(batch) == 1 {
		return batch[0].complete
	}
	all := &messages.CompleteBatch{Completes: make([]*messages.Complete, len(batch))}
	for i, one := range batch {
		all.Completes[i] = one.complete
	}
	return all
}

// part is the reply to one of n commands that went together.
func part(reply *messages.Reply, i, n int) *messages.Reply {
	if n == 1 || reply == nil || reply.GetError() != nil {
		return reply
	}
	if all := reply.GetReplies().GetReplies(); i < len(all) {
		return all[i]
	}
	return &messages.Reply{Error: messages.InfoOf(messages.Errorf(messages.Unavailable, "complete", "", "the partition answered %d of %d attempts", len(reply.GetReplies().GetReplies()), n))}
}
