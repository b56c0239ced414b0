package api

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// watchedModel counts who looks.
type watchedModel struct {
	mu      sync.Mutex
	state   *kv.Map
	changed chan struct{}
	looks   int
}

func (m *watchedModel) View(_ context.Context, read func(kv.View, uint64) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looks++
	return read(m.state, 1)
}

func (m *watchedModel) WaitApplied(context.Context, uint64) error { return nil }

func (m *watchedModel) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *watchedModel) change(how func(tx kv.Tx)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	tx := kv.NewOverlay(m.state)
	how(tx)
	m.state.Commit(tx)
	close(m.changed)
	m.changed = make(chan struct{})
}

func TestOneLooksForAllWhoWaitForTheirChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &watchedModel{state: kv.NewMap(), changed: make(chan struct{})}
		const waiters, changes = 32, 10
		m.change(func(tx kv.Tx) {
			for range waiters {
				outbox.Put(tx, 1, messages.Command{Type: messages.CommandTick})
			}
		})
		taken := newTaken(m)
		var all sync.WaitGroup
		var mu sync.Mutex
		var done []uint64
		for seq := range uint64(waiters) {
			all.Go(func() {
				if !taken.wait(t.Context(), nil, []*messages.Deliveries{{To: 1, Seq: seq + 1}}) {
					t.Errorf("message %d was not waited for", seq+1)
				}
				mu.Lock()
				defer mu.Unlock()
				done = append(done, seq+1)
			})
		}
		for range changes {
			synctest.Wait()
			m.change(func(kv.Tx) {})
		}
		synctest.Wait()
		if m.looks != 1+changes || len(done) != 0 {
			t.Errorf("%d looks before and after %d changes, %d waiters have gone", m.looks, changes, len(done))
		}
		m.change(func(tx kv.Tx) { outbox.Drop(tx, 1, waiters/2) })
		synctest.Wait()
		if len(done) != waiters/2 {
			t.Errorf("%d have gone, when %d messages were acknowledged", len(done), waiters/2)
		}
		for _, seq := range done {
			if seq > waiters/2 {
				t.Errorf("who waits for message %d has gone", seq)
			}
		}
		m.change(func(tx kv.Tx) { outbox.Drop(tx, 1, waiters) })
		all.Wait()
	})
}
