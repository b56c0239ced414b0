package raftstore

import (
	"testing"
	"time"
)

// TestAFollowersLagIsCountedInTime: how many entries it lacks says nothing, for
// three may be as large as a snapshot.
func TestAFollowersLagIsCountedInTime(t *testing.T) {
	var begin = time.Unix(0, 0)
	at := func(second int) time.Time { return begin.Add(time.Duration(second) * time.Second) }
	for _, c := range []struct {
		name    string
		reports []report
		holds   time.Time
	}{
		{"it has all", []report{{1, at(1), 10, 10}}, at(1)},
		{"it lacks one entry", []report{{1, at(1), 10, 9}}, time.Time{}},
		{"it lacks one entry still", []report{{1, at(1), 10, 9}, {1, at(9), 10, 9}}, time.Time{}},
		{"it keeps up with a log that grows", []report{{1, at(1), 10, 9}, {1, at(2), 20, 19}, {1, at(3), 30, 29}}, at(2)},
		{"it falls behind one", []report{{1, at(1), 10, 10}, {1, at(2), 20, 11}, {1, at(3), 30, 12}}, at(1)},
		{"it catches up with one", []report{{1, at(1), 10, 3}, {1, at(2), 20, 11}, {1, at(3), 30, 20}}, at(2)},
		{"another leadership knows nothing", []report{{1, at(1), 10, 10}, {2, at(2), 11, 10}}, time.Time{}},
	} {
		var p peer
		for _, r := range c.reports {
			p = p.hear(r)
		}
		if !p.holds.Equal(c.holds) {
			t.Errorf("%s: it holds what the leader had at %v, want %v", c.name, p.holds, c.holds)
		}
	}
}

// TestAFollowerThatWasAwayIsNotKnown: what it had before says nothing of what
// it has when it comes back.
func TestAFollowerThatWasAwayIsNotKnown(t *testing.T) {
	all := newPeers(nil, nil)
	all.heard("b/1", report{1, time.Now(), 10, 10})
	all.lost("b/1")
	if _, known := all.get("b/1"); known {
		t.Error("its last answer is taken for the next")
	}
}
