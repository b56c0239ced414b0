package cluster

import (
	"log/slog"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// compared is a replica as a compare sees it.
type compared struct{ *fakeNode }

func (c compared) Leader() (messages.NodeID, bool) { return c.w.leader, true }
func (c compared) Applied() uint64                 { return 7 }
func (c compared) Servers() []Server {
	return []Server{{Node: "n0"}, {Node: "n1"}, {Node: "n2"}}
}

// TestTheReplicaThatDiffersIsTold, be it the leader's, and no other.
func TestTheReplicaThatDiffersIsTold(t *testing.T) {
	for _, c := range []struct {
		name    string
		digests [3]uint64 // 0: it has not come so far
		differs string
	}{
		{"all agree", [3]uint64{5, 5, 5}, ""},
		{"a follower differs", [3]uint64{5, 5, 6}, "n2"},
		{"the leader differs", [3]uint64{6, 5, 5}, "n0"},
		{"one against one: clients know the leader's", [3]uint64{6, 5, 0}, "n1"},
		{"one that is behind says nothing", [3]uint64{5, 0, 5}, ""},
	} {
		w := newWorld(t, 3, 0)
		for i, id := range []messages.NodeID{"n0", "n1", "n2"} {
			w.nodes[id].digest = c.digests[i]
		}
		leader := compared{w.nodes["n0"]}
		NewCompare(CompareConfig{Self: "n0", Digest: leader.router.Digest, Logger: slog.New(slog.DiscardHandler),
			Groups: func() map[messages.GroupID]Compared { return map[messages.GroupID]Compared{1: leader} }}).look(t.Context())
		for id, n := range w.nodes {
			if n.differs != (string(id) == c.differs) {
				t.Errorf("%s: %s was told that it differs: %v", c.name, id, n.differs)
			}
		}
	}
}
