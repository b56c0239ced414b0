package cluster

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// groups are a sender's and two receivers' states. Proposals fail now and then,
// before or after they are applied.
type groups struct {
	mu      sync.Mutex
	state   map[messages.GroupID]*kv.Map
	applied map[messages.GroupID][]byte // bodies, in order
	rng     *rand.Rand
	stuck   messages.GroupID
	done    chan struct{}
	want    int
}

func (g *groups) View(f func(kv.View, uint64) error) error {
	g.mu.Lock()
	view := g.state[1].Clone()
	g.mu.Unlock()
	return f(view, 0)
}

func (g *groups) put(to messages.GroupID, n byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	outbox.Put(g.state[1], to, messages.Command{Type: messages.CommandTick, Body: []byte{n}})
}

func (g *groups) Propose(ctx context.Context, group messages.GroupID, m proto.Message) (*messages.Reply, *messages.Position, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	lost := messages.Errorf(messages.Unavailable, "propose", "", "lost")
	if group == g.stuck || g.rng.IntN(8) == 0 {
		return nil, nil, lost
	}
	switch m := m.(type) {
	case *messages.Deliver:
		for _, parcel := range outbox.Unpack(m) {
			fresh, err := outbox.Accept(g.state[group], messages.GroupID(m.From), parcel.Seq)
			if err != nil {
				return &messages.Reply{Error: messages.InfoOf(err)}, nil, nil
			}
			if fresh {
				g.applied[group] = append(g.applied[group], parcel.Command.Body...)
			}
		}
	case *messages.Delivered:
		outbox.Drop(g.state[group], messages.GroupID(m.To), m.Seq)
		if len(g.applied[2]) == g.want && len(g.applied[3]) == g.want && len(slices.Collect(outbox.Pending(g.state[1]))) == 0 {
			select {
			case <-g.done: // the answer to the last one was lost, or the other courier says it too
			default:
				close(g.done)
			}
		}
	}
	if g.rng.IntN(8) == 0 {
		return nil, nil, lost
	}
	return &messages.Reply{}, &messages.Position{}, nil
}

func newGroups(seed uint64, want int) *groups {
	return &groups{
		state:   map[messages.GroupID]*kv.Map{1: kv.NewMap(), 2: kv.NewMap(), 3: kv.NewMap()},
		applied: map[messages.GroupID][]byte{},
		rng:     rand.New(rand.NewPCG(seed, 1)), done: make(chan struct{}), want: want,
	}
}

// TestCourierDeliversOnceAndInOrder runs two couriers at once, as at a change
// of leader, over proposals that fail and answers that get lost.
func TestCourierDeliversOnceAndInOrder(t *testing.T) {
	const n = 150
	g := newGroups(1, n)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	var couriers []*Courier
	for range 2 {
		c := NewCourier(1, g, g, nil)
		couriers = append(couriers, c)
		running.Go(func() { c.Run(ctx) })
	}
	var want []byte
	for i := range n {
		want = append(want, byte(i))
		g.put(2, byte(i))
		g.put(3, byte(i))
		couriers[i%2].Kick()
	}
	couriers[0].Kick()
	couriers[1].Kick()
	select {
	case <-g.done:
	case <-time.After(20 * time.Second):
		t.Error("not all was delivered")
	}
	cancel()
	running.Wait()
	for _, to := range []messages.GroupID{2, 3} {
		if !slices.Equal(g.applied[to], want) {
			t.Errorf("group %d applied %v", to, g.applied[to])
		}
	}
}

func TestOneStuckGroupDoesNotHoldTheOthers(t *testing.T) {
	g := newGroups(2, 0)
	g.stuck = 2
	g.put(2, 1)
	g.put(3, 2)
	c := NewCourier(1, g, g, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	for len(c.pendingTo(3)) > 0 && ctx.Err() == nil {
		pause(ctx, time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Error("group 3 waits for group 2")
	}
	if len(c.pendingTo(2)) != 1 {
		t.Error("what was not delivered is gone")
	}
	cancel()
	running.Wait()
}

func (c *Courier) pendingTo(to messages.GroupID) []outbox.Message {
	batch, _ := (&stream{c: c, to: to}).pending()
	return batch
}
