package raftstore_test

import (
	"errors"
	"testing"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
)

// TestDigestsAgreeOverRestartsAndSnapshots: they belong to the state.
func TestDigestsAgreeOverRestartsAndSnapshots(t *testing.T) {
	_, nodes := trio(t, func(me *node) { me.config.SnapshotBytes, me.config.TrailingBytes = 4<<10, 1 })
	a, b, c := nodes[0], nodes[1], nodes[2]
	c.stop()
	for range 40 {
		a.must("put key %0500d", 1)
	}
	b.crash(0)
	b.start(false)
	c.start(false)
	a.must("add x 1")
	agree(t, nodes...)
	index := a.group.Applied()
	want, known := a.group.Digest(index)
	if !known {
		t.Fatal("the leader does not know its own digest")
	}
	for _, other := range nodes[1:] {
		if err := other.group.WaitApplied(patience(t), index); err != nil {
			t.Fatal(err)
		}
		if got, known := other.group.Digest(index); !known || got != want {
			t.Errorf("%s has %x (%v), want %x", other.id, got, known, want)
		}
	}
}

// bent is a ledger that errs once, as a bad memory would.
type bent struct{ ledger }

func (b bent) ApplyEntry(tx kv.Tx, index uint64, now int64, all []messages.Command) ([]messages.Result, error) {
	results, err := b.ledger.ApplyEntry(tx, index, now, all)
	tx.Set([]byte("extra"), []byte("1"))
	return results, err
}

// TestAReplicaThatDiffersStopsForGood and does not open again.
func TestAReplicaThatDiffersStopsForGood(t *testing.T) {
	_, nodes := trio(t, func(me *node) {
		if me.id == "c" {
			me.machine = bent{}
		}
	})
	a, b, c := nodes[0], nodes[1], nodes[2]
	a.must("add x 1")
	index := a.group.Applied()
	most, _ := a.group.Digest(index)
	for _, other := range []*node{b, c} {
		if err := other.group.WaitApplied(patience(t), index); err != nil {
			t.Fatal(err)
		}
		other.group.Differs(index, most)
	}
	if err := b.group.Err(); err != nil {
		t.Errorf("b agrees, and stopped: %v", err)
	}
	<-c.group.Failed()
	if err := c.group.Err(); !errors.Is(err, raftstore.ErrDiverged) {
		t.Errorf("c stopped: %v", err)
	}
	c.stop()
	if err := c.try(false); !errors.Is(err, raftstore.ErrDiverged) {
		t.Errorf("c opens again: %v", err)
	}
	c.stop()
}
