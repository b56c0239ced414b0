package raftstore

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// heartbeats spaces them. Raft makes one for each follower every tenth of the
// time after which that would ask for an election: with three groups that is
// most of what an idle network does. Here each is held until a moment that all
// groups and nodes have in common, so that a node wakes up once for all of them.
// None is held while somebody waits for a majority to confirm the leader, nor
// when the follower did not answer the one before.
type heartbeats struct {
	every time.Duration

	mu      sync.Mutex
	sent    map[raft.ServerID]time.Time // the last that was answered
	urgent  int                         // who waits for a majority now
	release chan struct{}               // closed when somebody does
}

// perTimeout is how many heartbeats a follower gets in the time that it waits
// for one.
const perTimeout = 3

func newHeartbeats(timeout time.Duration) *heartbeats {
	return &heartbeats{every: timeout / perTimeout, sent: map[raft.ServerID]time.Time{}, release: make(chan struct{})}
}

// hurry lets heartbeats through at once until the function that it gives is
// called.
func (h *heartbeats) hurry() (enough func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.urgent++; h.urgent == 1 {
		close(h.release)
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.urgent--; h.urgent == 0 {
			h.release = make(chan struct{})
		}
	}
}

// await returns when a heartbeat to a follower is due.
func (h *heartbeats) await(id raft.ServerID, ending <-chan struct{}) {
	h.mu.Lock()
	sent, release := h.sent[id], h.release
	h.mu.Unlock()
	if sent.IsZero() {
		return
	}
	early := time.Until(h.due(sent))
	if early <= 0 {
		return
	}
	due := time.NewTimer(early)
	defer due.Stop()
	select {
	case <-due.C:
	case <-release:
	case <-ending:
	}
}

// due is when the heartbeat after one is: the last common moment that is not
// more than every away from it.
func (h *heartbeats) due(sent time.Time) time.Time {
	latest := sent.Add(h.every)
	return latest.Add(-time.Duration(latest.UnixNano() % int64(h.every)))
}

// answered notes a heartbeat that a follower has answered; failed one that it
// has not.
func (h *heartbeats) answered(id raft.ServerID, sent time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent[id] = sent
}

func (h *heartbeats) failed(id raft.ServerID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sent, id)
}
