package raftstore

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// heartbeats spaces those of a group. Raft makes one for each follower every tenth
// of the time after which that would ask for an election: with three groups that
// is most of what an idle network does. Here each is held until a moment that all
// groups and nodes have in common, so that a node wakes up once for all of them,
// and sends them together (pulse). None is held while somebody waits for a
// majority to confirm the leader, nor when the follower did not answer the one
// before.
type heartbeats struct {
	every time.Duration
	now   func()        // sends what is held
	again chan struct{} // one was answered, and nobody waits for a majority

	mu     sync.Mutex
	sent   map[raft.ServerID]time.Time // the last that was answered
	urgent int                         // who waits for a majority now
	recent time.Time                   // when those were sent of which again tells
}

// perTimeout is how many heartbeats a follower gets in the time that it waits
// for one.
const perTimeout = 3

func newHeartbeats(timeout time.Duration, now func()) *heartbeats {
	return &heartbeats{every: timeout / perTimeout, now: now, again: make(chan struct{}, 1), sent: map[raft.ServerID]time.Time{}}
}

// hurry lets heartbeats go at once until the function that it gives is called.
func (h *heartbeats) hurry() (enough func()) {
	h.mu.Lock()
	h.urgent++
	h.mu.Unlock()
	h.now()
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.urgent--
	}
}

// due is when a follower's next heartbeat is to go; zero: now. It is the last
// common moment that is not more than every away from the one before.
func (h *heartbeats) due(id raft.ServerID) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	sent := h.sent[id]
	if sent.IsZero() || h.urgent > 0 {
		return time.Time{}
	}
	return h.momentBy(sent.Add(h.every))
}

// momentBy is the last common moment up to a time.
func (h *heartbeats) momentBy(t time.Time) time.Time {
	return t.Add(-time.Duration(t.UnixNano() % int64(h.every)))
}

// answered notes a heartbeat that a follower has answered; failed one that it
// has not.
func (h *heartbeats) answered(id raft.ServerID, sent time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent[id] = sent
	if h.urgent > 0 || sent.Equal(h.recent) {
		return // urgent: the next are sent at once, and those after them would be
	}
	h.recent = sent
	select {
	case h.again <- struct{}{}:
	default:
	}
}

func (h *heartbeats) failed(id raft.ServerID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sent, id)
}
