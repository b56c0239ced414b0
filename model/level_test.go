package model

import (
	"testing"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// testLevel is the highest feature level that machines of the tests support.
const testLevel = 3

func supporting(name string, boot uint64, level uint32) *messages.NodeUp {
	info := nodeInfo(name, boot, 2)
	info.FeatureLevel, info.Version = level, "v1"
	return &messages.NodeUp{Node: info}
}

// TestTheLevelRisesWithTheLastNode: also with one that is down, for it comes back;
// and then whoever supports less stays out.
func TestTheLevelRisesWithTheLastNode(t *testing.T) {
	w := founded(t, 2, 2)
	next := func(want uint32, raises bool) {
		t.Helper()
		if level, raise := NextFeatureLevel(w.state); raise != raises || raise && level != want {
			t.Errorf("can be raised: %t, to %d; want %t, %d", raise, level, raises, want)
		}
	}
	next(0, false)
	w.do(supporting("a", 2, 2))
	w.do(&messages.NodeDown{Node: "node-b", Boot: 1})
	next(0, false)
	w.refused(&messages.RaiseFeatureLevel{Level: 1}, messages.Conflict, "node b", "down", "up to 0", "delete it")
	w.do(supporting("b", 2, 1))
	next(1, true)
	w.refused(&messages.RaiseFeatureLevel{Level: 2}, messages.Conflict, "node b", "up to 1")
	if w.do(&messages.RaiseFeatureLevel{Level: 1}); FeatureLevel(w.state) != 1 {
		t.Errorf("it is at level %d", FeatureLevel(w.state))
	}
	for _, p := range []messages.GroupID{1, 2} {
		if told, ok := w.sent(p)[0].(*messages.SetFeatureLevel); !ok || told.Level != 1 {
			t.Errorf("partition %d was told %v", p, w.sent(p))
		}
	}
	next(0, false)
	w.do(&messages.RaiseFeatureLevel{Level: 1})
	if told := w.sent(1); len(told) != 1 {
		t.Errorf("told again: %v", told)
	}
	w.refused(supporting("b", 3, 0), messages.Denied, "feature level 1", "version v1", "up to 0", "that the other nodes run")
	w.refused(supporting("c", 1, 0), messages.Denied, "feature level 1")
	w.do(supporting("c", 1, 1))
	w.do(&messages.NodeDown{Node: "node-c", Boot: 1})
	w.do(&messages.NodeDown{Node: "node-b", Boot: 2})
	w.do(&messages.NodeRemove{Node: "b"})
	w.do(&messages.NodeRemove{Node: "c"})
	next(2, true)
}

// TestALevelThatIsNotSupportedStopsTheReplica: only if it is taken. What is refused
// was proposed by somebody who did not know better.
func TestALevelThatIsNotSupportedStopsTheReplica(t *testing.T) {
	w := founded(t, 2)
	raise, err := messages.NewCommand(&messages.RaiseFeatureLevel{Level: 2})
	if err != nil {
		t.Fatal(err)
	}
	old := Machine{Supports: 1}
	if r, err := old.Apply(kv.NewOverlay(w.state), 9, 9, raise); err != nil || r.Reply.Error == nil {
		t.Errorf("a level that is refused: %v, %v", r.Reply, err)
	}
	w.do(supporting("a", 2, 2))
	if _, err := old.Apply(kv.NewOverlay(w.state), 9, 9, raise); err == nil {
		t.Error("a replica that does not support the level goes on")
	}
}
