package api

import (
	"context"
	"sync"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// taken knows which of the meta group's messages the partitions have taken over.
// Each change of the model wakes all who wait for that: one of them looks, for all.
type taken struct {
	replica Model

	mu sync.Mutex
	to map[messages.GroupID]uint64          // the last message; it never falls
	at map[messages.GroupID]<-chan struct{} // before which change that was looked up
}

func newTaken(replica Model) *taken {
	return &taken{replica: replica, to: map[messages.GroupID]uint64{}, at: map[messages.GroupID]<-chan struct{}{}}
}

// wait waits until the partitions have acknowledged what a change sent them. It
// gives up after a time: the change is durable, and reaches them later.
func (t *taken) wait(ctx context.Context, position *messages.Position, deliveries []*messages.Deliveries) bool {
	ctx, cancel := context.WithTimeout(ctx, inForce)
	defer cancel()
	if t.replica.WaitApplied(ctx, position.GetIndex()) != nil {
		return false
	}
	for {
		changed := t.replica.Changed() // before the look, so that no change falls between
		done, err := t.all(ctx, changed, deliveries)
		if done || err != nil {
			return err == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// all says whether all messages were taken over, as of a state after whose channel
// of changes was taken. What somebody else saw under the same channel will do: if
// there is more by now, the channel is about to be closed.
func (t *taken) all(ctx context.Context, changed <-chan struct{}, deliveries []*messages.Deliveries) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range deliveries {
		group := messages.GroupID(d.To)
		if d.Seq > t.to[group] && t.at[group] != changed {
			err := t.replica.View(ctx, func(view kv.View, _ uint64) error {
				t.to[group], t.at[group] = max(t.to[group], outbox.AcknowledgedTo(view, group)), changed
				return nil
			})
			if err != nil {
				return false, err
			}
		}
		if d.Seq > t.to[group] {
			return false, nil
		}
	}
	return true, nil
}
