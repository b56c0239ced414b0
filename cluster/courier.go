package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/buggify"
	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// Outbox is a group's state on this node, which holds its outbox.
type Outbox interface {
	View(func(view kv.View, applied uint64) error) error
}

// Proposer puts commands into the logs of groups: the Router.
type Proposer interface {
	Propose(ctx context.Context, group messages.GroupID, m proto.Message) (*messages.Reply, *messages.Position, error)
}

const (
	// courierBatch is how many messages to one group are delivered before they
	// are dropped from the outbox together.
	courierBatch    = 256
	courierBytes    = 1 << 20
	courierPatience = 5 * time.Second // for one command, before it is tried anew
	minRedeliver    = 20 * time.Millisecond
	maxRedeliver    = time.Second
)

// Courier carries a group's messages to other groups, while this node leads
// it: to each in order, again and again until the other has applied them. Both
// sides count, so repeating does no harm, nor do two couriers at a change of
// leader.
type Courier struct {
	group  messages.GroupID
	outbox Outbox
	router Proposer
	logger *slog.Logger
	kick   chan struct{}
}

// NewCourier makes the courier of a group; Run starts it.
func NewCourier(group messages.GroupID, o Outbox, router Proposer, logger *slog.Logger) *Courier {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Courier{group: group, outbox: o, router: router, logger: logger.With("group", group.Name()), kick: make(chan struct{}, 1)}
}

// Kick says that there are new messages. It never blocks.
func (c *Courier) Kick() { signal(c.kick) }

func signal(token chan struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

// Run carries until the context ends, which it must when the node no longer
// leads the group. It returns when nothing is under way any more.
func (c *Courier) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	streams := map[messages.GroupID]*stream{}
	for {
		for to, number := range c.numbers() {
			s, ok := streams[to]
			if !ok {
				s = &stream{c: c, to: to, kick: make(chan struct{}, 1)}
				streams[to] = s
				running.Go(func() { s.run(ctx) })
			}
			if number > s.known {
				s.known = number
				signal(s.kick)
			}
		}
		select {
		case <-c.kick:
		case <-ctx.Done():
			return
		}
	}
}

// numbers gives the last number given out to each group.
func (c *Courier) numbers() map[messages.GroupID]uint64 {
	all := map[messages.GroupID]uint64{}
	err := c.outbox.View(func(view kv.View, _ uint64) error {
		for to, number := range outbox.Numbers(view) {
			all[to] = number
		}
		return nil
	})
	if err != nil {
		c.logger.Warn("read outbox", "error", err)
	}
	return all
}

// stream carries the messages to one group.
type stream struct {
	c     *Courier
	to    messages.GroupID
	kick  chan struct{}
	known uint64 // last number seen; Run alone uses it
}

func (s *stream) run(ctx context.Context) {
	wait := minRedeliver
	for ctx.Err() == nil {
		sent, err := s.carry(ctx)
		if sent > 0 {
			wait = minRedeliver
		}
		switch {
		case err != nil && ctx.Err() == nil:
			s.c.logger.Warn("deliver messages", "to", s.to.Name(), "error", err)
			pause(ctx, wait)
			wait = min(2*wait, maxRedeliver)
		case sent == 0:
			select {
			case <-s.kick:
			case <-ctx.Done():
			}
		}
	}
}

// carry delivers one batch, and drops what was delivered from the outbox.
func (s *stream) carry(ctx context.Context) (delivered int, err error) {
	batch, err := s.pending()
	if err != nil || len(batch) == 0 {
		return 0, err
	}
	var failed error
	for delivered < len(batch) {
		d, last := outbox.Pack(s.c.group, batch[delivered:])
		if failed = s.carryValues(ctx, d.Seq, last); failed != nil {
			break
		}
		if failed = s.propose(ctx, s.to, d); failed != nil {
			break
		}
		delivered += int(last-d.Seq) + 1
	}
	if delivered == 0 || buggify.On(buggify.CarryAgain) {
		return delivered, failed
	}
	err = s.propose(ctx, s.c.group, &messages.Delivered{To: uint32(s.to), Seq: batch[delivered-1].Seq})
	if err == nil {
		err = failed
	}
	return delivered, err
}

// carryValues brings large values to the other group before the messages that
// name them. Those that it has cost little.
func (s *stream) carryValues(ctx context.Context, from, last uint64) (err error) {
	var refs []messages.Reference
	err = s.c.outbox.View(func(view kv.View, _ uint64) error {
		refs = flow.Sent(view, s.to, from, last)
		return nil
	})
	for _, ref := range refs {
		if err == nil {
			err = putValue(ctx, patient{s.c.router}, s.to, ref, false, s.chunkOf(ref))
		}
	}
	return err
}

// chunkOf reads the chunks of a value from this group's state, one at a time.
func (s *stream) chunkOf(ref messages.Reference) func(uint32) ([]byte, error) {
	return func(i uint32) (data []byte, err error) {
		err = s.c.outbox.View(func(view kv.View, _ uint64) error {
			chunk := flow.Chunks(view, ref.Hash[:], i, 1)
			if len(chunk) == 0 {
				return fmt.Errorf("chunk %d of value %x is not in the outbox's group", i, ref.Hash)
			}
			data = chunk[0]
			return nil
		})
		return data, err
	}
}

// patient bounds each proposal.
type patient struct{ Proposer }

func (p patient) Propose(ctx context.Context, group messages.GroupID, m proto.Message) (*messages.Reply, *messages.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, courierPatience)
	defer cancel()
	return p.Proposer.Propose(ctx, group, m)
}

func (s *stream) pending() ([]outbox.Message, error) {
	var batch []outbox.Message
	bytes := 0
	err := s.c.outbox.View(func(view kv.View, _ uint64) error {
		for m := range outbox.PendingTo(view, s.to) {
			batch = append(batch, m)
			if bytes += len(m.Command.Body); len(batch) == courierBatch || bytes > courierBytes || buggify.On(buggify.SmallCarry) {
				break
			}
		}
		return nil
	})
	return batch, err
}

// propose counts a refusal as a failure: sent again, the message is either
// known by then, or its turn has come.
func (s *stream) propose(ctx context.Context, group messages.GroupID, m proto.Message) error {
	reply, _, err := patient{s.c.router}.Propose(ctx, group, m)
	if err == nil {
		err = reply.GetError().Err()
	}
	if err != nil {
		return fmt.Errorf("%T: %w", m, err)
	}
	return nil
}

// pause waits, and says whether the context goes on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
