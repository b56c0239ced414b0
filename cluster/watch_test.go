package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/cluster/gossip"
	"github.com/elasticcode/flow/messages"
)

// info reads "a1": node and boot.
func info(s string) *messages.NodeInfo {
	return &messages.NodeInfo{Id: s[:1], Boot: uint64(s[1] - '0'), Name: "node " + s[:1], PeerAddress: "at " + s}
}

// member reads "a1", "a1 dead", "a1 of x": node, boot, state, network.
func member(s string) gossip.Member {
	m := gossip.Member{Info: info(s), NetworkID: "n", Alive: !strings.Contains(s, "dead")}
	if _, network, ok := strings.Cut(s, " of "); ok {
		m.NetworkID = strings.TrimSuffix(network, "none")
	}
	return m
}

// knows reads "a1" or "a1 down".
func knows(s string) KnownNode {
	return KnownNode{Info: info(s), Up: !strings.Contains(s, "down")}
}

func TestNodeChanges(t *testing.T) {
	for _, c := range []struct {
		name, members, known string
		unseen               bool
		want                 string
	}{
		{"all is known", "a1, b2", "a1, b2", true, ""},
		{"a new node", "a1, b1", "a1", false, "up b1"},
		{"one that has not joined yet", "a1, b1 of none", "a1", true, ""},
		{"one of another network", "a1, b1 of x", "a1", true, ""},
		{"a death", "a1, b1 dead", "a1, b1", false, "down b1"},
		{"a death that is known", "a1, b1 dead", "a1, b1 down", true, ""},
		{"a restart", "a1, b2", "a1, b1", false, "up b2"},
		{"a return", "a1, b1", "a1, b1 down", false, "up b1"},
		{"never heard of, so far", "a1", "a1, b1", false, ""},
		{"never heard of", "a1", "a1, b1", true, "down b1"},
		{"news of an earlier boot", "a1, b1", "a1, b2", false, ""},
		{"of the earlier boot alone", "a1, b1 dead", "a1, b2", true, "down b2"},
	} {
		var members []gossip.Member
		for _, s := range strings.Split(c.members, ", ") {
			members = append(members, member(s))
		}
		var known []KnownNode
		for _, s := range strings.Split(c.known, ", ") {
			known = append(known, knows(s))
		}
		var got []string
		for _, m := range nodeChanges("n", members, known, c.unseen) {
			switch m := m.(type) {
			case *messages.NodeUp:
				got = append(got, fmt.Sprintf("up %s%d", m.Node.Id, m.Node.Boot))
			case *messages.NodeDown:
				got = append(got, fmt.Sprintf("down %s%d", m.Node, m.Boot))
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
}

// metaWorld is a model that a watch tells of nodes and placements.
type metaWorld struct {
	leads    bool
	members  []gossip.Member
	nodes    map[string]KnownNode
	refuse   string // node that the model refuses
	proposed int
	due      *messages.GroupPlacement
	actual   []Server
	asked    int      // how often for those
	next     []string // what is due next
	now      time.Time
	level    uint32 // that the network can be raised to
	raised   uint32
	unread   bool // the nodes that it knows cannot be read
}

func (m *metaWorld) Propose(_ context.Context, group messages.GroupID, c proto.Message) (*messages.Reply, *messages.Position, error) {
	m.proposed++
	switch c := c.(type) {
	case *messages.NodeUp:
		if c.Node.Id == m.refuse {
			return &messages.Reply{Error: messages.Errorf(messages.Conflict, "add node", c.Node.Name, "the name is taken").Info()}, nil, nil
		}
		m.nodes[c.Node.Id] = KnownNode{c.Node, true}
	case *messages.NodeDown:
		m.nodes[c.Node] = KnownNode{m.nodes[c.Node].Info, false}
	case *messages.RaiseFeatureLevel:
		m.raised = c.Level
	case *messages.PlaceGroup:
		m.due = &messages.GroupPlacement{Group: c.Group, Replicas: c.Replicas}
	}
	return &messages.Reply{}, &messages.Position{}, nil
}

func (m *metaWorld) Servers(context.Context, messages.GroupID) ([]Server, error) {
	m.asked++
	return m.actual, nil
}

func (m *metaWorld) watch() *Watch {
	return NewWatch(WatchConfig{
		NetworkID: "n", Router: m,
		Raise:   func() (uint32, bool) { return m.level, m.level > m.raised },
		Leads:   func() bool { return m.leads },
		Members: func() []gossip.Member { return m.members },
		Nodes: func() (all []KnownNode, err error) {
			if m.unread {
				return nil, errors.New("it cannot be read")
			}
			for _, k := range m.nodes {
				all = append(all, k)
			}
			return all, nil
		},
		Placements: func() ([]*messages.GroupPlacement, error) { return []*messages.GroupPlacement{m.due}, nil },
		Next: func(actual map[messages.GroupID][]Server) (*messages.PlaceGroup, error) {
			if len(m.next) == 0 || len(actual[1]) == 0 {
				return nil, nil
			}
			next := m.next[0]
			m.next = m.next[1:]
			return &messages.PlaceGroup{Group: 1, Replicas: replicas(next)}, nil
		},
		Now: func() time.Time { return m.now },
	})
}

func TestWatch(t *testing.T) {
	m := &metaWorld{
		members: []gossip.Member{member("a1"), member("b1")}, nodes: map[string]KnownNode{"a": knows("a1"), "c": knows("c1")},
		due: &messages.GroupPlacement{Group: 1, Replicas: replicas("a1v")}, actual: servers("a1v"), next: []string{"a1v b1"},
		now: time.Unix(1000, 0),
	}
	w := m.watch()
	if !w.look(t.Context()) || m.proposed != 0 {
		t.Fatalf("a node that does not lead proposed %d changes", m.proposed)
	}
	m.leads = true
	if w.look(t.Context()) || !m.nodes["b"].Up || len(m.due.Replicas) != 2 || !m.nodes["c"].Up {
		t.Fatalf("nodes %v, due %v", m.nodes, m.due)
	}
	m.now = m.now.Add(time.Second)
	m.actual = servers("a1v b1!")
	if w.look(t.Context()) {
		t.Error("a replica that has not caught up counts as settled")
	}
	m.now = m.now.Add(unseenGrace)
	w.look(t.Context())
	if m.nodes["c"].Up {
		t.Error("a node that was never heard of stays up")
	}
	m.now = m.now.Add(time.Second)
	m.actual = servers("a1v b1")
	if before := m.proposed; !w.look(t.Context()) || m.proposed != before {
		t.Error("all is as it should be, and is not left alone")
	}
	m.level = 3
	if w.look(t.Context()); m.raised != 3 {
		t.Errorf("the level that can be raised to 3 is %d", m.raised)
	}
	m.members[1] = member("b1 dead")
	w.look(t.Context())
	if m.nodes["b"].Up {
		t.Error("a death was not told")
	}
}

func TestGroupsInTheirPlacesAreAskedSeldomUnlessSomethingChanges(t *testing.T) {
	m := &metaWorld{leads: true, members: []gossip.Member{member("a1"), member("b1")}, nodes: map[string]KnownNode{"a": knows("a1"), "b": knows("b1")},
		due: &messages.GroupPlacement{Group: 1, Replicas: replicas("a1v b1")}, actual: servers("a1v b1"), now: time.Unix(1000, 0)}
	w := m.watch()
	looks := func(n int, pause time.Duration) int {
		before := m.asked
		for range n {
			m.now = m.now.Add(pause)
			w.look(t.Context())
		}
		return m.asked - before
	}
	if n := looks(10, calm); n != 2 {
		t.Errorf("asked %d times in %v", n, 10*calm)
	}
	w.Kick()
	if n := looks(2, calm); n != 1 {
		t.Errorf("when it was told of a change, asked %d times", n)
	}
	w.Kick()
	looks(1, calm)
	w.Kick() // too soon after the last
	if n := looks(2, restless*3/4); n != 1 {
		t.Errorf("when it was told of two, the second was looked at %d times", n)
	}
	m.members[1] = member("b1 dead")
	if n := looks(1, calm); n != 1 {
		t.Errorf("when a node died, asked %d times", n)
	}
	m.actual = servers("a1v")
	m.members[1] = member("b1")
	looks(1, calm)
	if n := looks(4, restless); n != 4 {
		t.Errorf("while a replica is missing, asked %d times", n)
	}
	m.actual = servers("a1v b1")
	looks(2, calm)
	m.unread = true
	w.Kick()
	looks(1, restless)
	m.unread = false
	if n := looks(1, calm); n != 1 {
		t.Errorf("when it was told of a change while it could not read the model, asked %d times", n)
	}
	m.leads, m.actual = false, servers("a1v b1")
	looks(1, calm)
	m.leads = true
	if n := looks(1, calm); n != 1 {
		t.Errorf("when it leads again, asked %d times", n)
	}
}

func TestRefusedNodeIsNotToldOfAllTheTime(t *testing.T) {
	m := &metaWorld{leads: true, members: []gossip.Member{member("b1")}, nodes: map[string]KnownNode{}, refuse: "b", due: &messages.GroupPlacement{}, now: time.Unix(1000, 0)}
	w := m.watch()
	for range 10 {
		w.look(t.Context())
		m.now = m.now.Add(refusedPause / 10)
	}
	if m.proposed != 1 {
		t.Errorf("told %d times", m.proposed)
	}
	m.refuse = ""
	m.now = m.now.Add(refusedPause)
	w.look(t.Context())
	if !m.nodes["b"].Up {
		t.Error("when the reason was gone, it was not told of again")
	}
}

// TestNodeWithAnEmptyDiskIsToldOfOnceItsNameIsFree: the model refuses it as long
// as it takes the machine with the old disk for alive.
func TestNodeWithAnEmptyDiskIsToldOfOnceItsNameIsFree(t *testing.T) {
	m := &metaWorld{leads: true, members: []gossip.Member{member("a1"), member("b1")}, nodes: map[string]KnownNode{"a": knows("a1")},
		refuse: "b", due: &messages.GroupPlacement{}, now: time.Unix(1000, 0)}
	w := m.watch()
	w.look(t.Context())
	m.members[0], m.refuse = member("a1 dead"), ""
	w.look(t.Context())
	if m.nodes["a"].Up || !m.nodes["b"].Up {
		t.Errorf("the model has %v", m.nodes)
	}
}
