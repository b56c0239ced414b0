package raftstore

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

const beatTimeout = 300 * time.Millisecond // and so 100 between two

// beat waits for a heartbeat to be due, has it answered, and says when it was.
func beat(h *heartbeats, id raft.ServerID) time.Time {
	h.await(id, nil)
	now := time.Now()
	h.answered(id, now)
	return now
}

// TestHeartbeatsHaveMomentsInCommon: two that began at different times come
// together, and neither is ever further apart than it may be.
func TestHeartbeatsHaveMomentsInCommon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := newHeartbeats(beatTimeout), newHeartbeats(beatTimeout)
		time.Sleep(130 * time.Millisecond)
		last := beat(one, "b")
		beat(other, "b")
		for n, wait := range []time.Duration{70, 50, 75, 99, 60, 1} {
			time.Sleep(wait * time.Millisecond)
			now := beat(one, "b")
			if n > 0 && now.UnixNano()%int64(100*time.Millisecond) != 0 {
				t.Errorf("heartbeat %d comes at %s", n, now.Format("05.000"))
			}
			if apart := now.Sub(last); apart > 100*time.Millisecond {
				t.Errorf("heartbeat %d comes %s after the one before", n, apart)
			}
			last = now
		}
		time.Sleep(20 * time.Millisecond)
		if a, b := beat(other, "b"), beat(one, "b"); b.UnixNano()%int64(100*time.Millisecond) != 0 {
			t.Errorf("two groups' heartbeats come at %s and %s", a.Format("05.000"), b.Format("05.000"))
		}
	})
}

func TestHeartbeatsAreNotHeldWhenSomebodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeartbeats(beatTimeout)
		took := func(what string, want time.Duration, do func()) {
			t.Helper()
			began := time.Now()
			do()
			if d := time.Since(began); d != want {
				t.Errorf("%s: a heartbeat is held for %s, want %s", what, d, want)
			}
		}
		next := func() { beat(h, "b") }
		took("the first", 0, next)
		took("the next", 100*time.Millisecond, next)
		enough := h.hurry()
		took("with one who waits", 0, next)
		enough()
		took("with nobody who waits any more", 100*time.Millisecond, next)
		took("with one who comes meanwhile", 30*time.Millisecond, func() {
			go func() { time.Sleep(30 * time.Millisecond); h.hurry()() }()
			next()
		})
		h.failed("b")
		took("after one without an answer", 0, next)
		ended := make(chan struct{})
		close(ended)
		took("as the connections end", 0, func() { h.await("b", ended) })
	})
}
