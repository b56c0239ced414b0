package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// replicas reads "a1 b2v": node, incarnation, and v for a vote.
func replicas(s string) []*messages.Replica {
	var all []*messages.Replica
	for _, f := range strings.Fields(s) {
		all = append(all, &messages.Replica{Node: f[:1], Incarnation: uint64(f[1] - '0'), Voter: strings.Contains(f, "v")})
	}
	return all
}

// servers reads the same, with ! for one that has not caught up.
func servers(s string) []Server {
	var all []Server
	for _, f := range strings.Fields(s) {
		all = append(all, Server{Node: messages.NodeID(f[:1]), Incarnation: uint64(f[1] - '0'), Voter: strings.Contains(f, "v"), CaughtUp: !strings.Contains(f, "!")})
	}
	return all
}

func TestNextStep(t *testing.T) {
	for _, c := range []struct{ name, due, actual, absent, want string }{
		{"all is as it should be", "a1v b1", "a1v b1", "", "rest"},
		{"a replica is missing", "a1v b1", "a1v", "", "add b1"},
		{"its node has not opened it", "a1v b1 c1", "a1v", "b", "add c1"},
		{"nobody has opened theirs", "a1v b1", "a1v", "b", "rest, waiting"},
		{"one vote to give waits for the second", "a1v b1v c1v", "a1v b1 c1!", "", "rest, waiting"},
		{"two votes follow each other", "a1v b1v c1v", "a1v b1 c1", "", "promote b1"},
		{"the second of two", "a1v b1v c1v", "a1v b1v c1", "", "promote c1"},
		{"a vote moves: given first", "a1v b1v d1v", "a1v b1v c1v d1", "", "promote d1"},
		{"then taken", "a1v b1v d1v", "a1v b1v c1v d1v", "", "demote c1"},
		{"then the server goes", "a1v b1v d1v", "a1v b1v c1 d1v", "", "remove c1"},
		{"not before its successor votes", "a1v b1v d1v", "a1v b1v c1v d1!", "", "rest, waiting"},
		{"nor before it is opened", "a1v b1v d1v", "a1v b1v c1v", "d", "rest, waiting"},
		{"a follower goes on", "a1v b1", "a1v b1v", "", "demote b1"},
		{"an earlier incarnation goes first", "a1v b2", "a1v b1", "", "remove b1"},
		{"a leader hands over before it goes", "b1v", "a1v b1v", "", "transfer a1"},
		{"a follower that lags is nobody's business", "a1v b1", "a1v b1!", "", "rest"},
	} {
		absent := map[messages.NodeID]bool{messages.NodeID(c.absent): true}
		s, waiting := nextStep(replicas(c.due), servers(c.actual), "a", absent)
		got := s.action.String()
		if s.action != rest {
			got += fmt.Sprintf(" %s%d", s.node, s.incarnation)
		}
		if waiting {
			got += ", waiting"
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// fakeGroup is a group whose configuration changes at once.
type fakeGroup struct {
	leader  messages.NodeID
	servers []Server
	worst   int // fewest voters ever
	failing bool
}

func (g *fakeGroup) Leader() (messages.NodeID, bool) { return g.leader, true }
func (g *fakeGroup) Servers() []Server               { return slices.Clone(g.servers) }

func (g *fakeGroup) at(node messages.NodeID, incarnation uint64) int {
	return slices.IndexFunc(g.servers, func(s Server) bool { return s.Node == node && s.Incarnation == incarnation })
}

func (g *fakeGroup) change(f func()) error {
	if g.failing {
		return messages.Errorf(messages.Unavailable, "change", "", "no majority")
	}
	f()
	voters := 0
	for _, s := range g.servers {
		if s.Voter {
			voters++
		}
	}
	g.worst = min(g.worst, voters)
	return nil
}

func (g *fakeGroup) AddNonvoter(_ context.Context, n messages.NodeID, i uint64) error {
	return g.change(func() { g.servers = append(g.servers, Server{Node: n, Incarnation: i, CaughtUp: true}) })
}
func (g *fakeGroup) Promote(_ context.Context, n messages.NodeID, i uint64) error {
	return g.change(func() { g.servers[g.at(n, i)].Voter = true })
}
func (g *fakeGroup) Demote(_ context.Context, n messages.NodeID, i uint64) error {
	return g.change(func() { g.servers[g.at(n, i)].Voter = false })
}
func (g *fakeGroup) RemoveMember(_ context.Context, n messages.NodeID, i uint64) error {
	return g.change(func() { g.servers = slices.Delete(g.servers, g.at(n, i), g.at(n, i)+1) })
}
func (g *fakeGroup) TransferLeadership(context.Context) error {
	for _, s := range g.servers {
		if s.Voter && s.Node != g.leader {
			g.leader = s.Node
			return nil
		}
	}
	return messages.Errorf(messages.Unavailable, "transfer", "", "no other voter")
}

// hosts has all replicas open that are due, on nodes that are there.
type hosts struct {
	due    []*messages.Replica
	behind messages.NodeID // its replica has not applied what its group had committed
}

func (h hosts) FetchPlacements(context.Context) ([]*messages.GroupPlacement, error) {
	return []*messages.GroupPlacement{{Group: 1, Replicas: h.due}}, nil
}

func (h hosts) Hosted(_ context.Context, node messages.NodeID, _ messages.GroupID) (*messages.HostedResponse, error) {
	r := replicaOf(h.due, node)
	return &messages.HostedResponse{Open: r != nil, Incarnation: r.GetIncarnation(), Current: node != h.behind}, nil
}

// TestAlignReachesWhatIsDue goes from any configuration to any other, with each
// node aligning while it leads, and never has fewer voters than at either end.
func TestAlignReachesWhatIsDue(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		pick := func() (all []string) {
			for _, n := range rng.Perm(5)[:1+2*rng.IntN(2)] {
				all = append(all, fmt.Sprintf("%c%dv", 'a'+n, 1+rng.IntN(2)))
			}
			for n := range 5 {
				if s := string(rune('a' + n)); rng.IntN(3) == 0 && !strings.Contains(strings.Join(all, " "), s) {
					all = append(all, s+"1")
				}
			}
			return all
		}
		from, to := pick(), pick()
		g := &fakeGroup{servers: servers(strings.Join(from, " ")), worst: 9}
		// Two earlier incarnations would have to go before their successors come,
		// as when two disks were wiped: no bound holds then.
		replaced := 0
		for _, r := range replicas(strings.Join(to, " ")) {
			for _, s := range g.servers {
				if s.Voter && string(s.Node) == r.GetNode() && s.Incarnation != r.GetIncarnation() {
					replaced++
				}
			}
		}
		voters := func(s []string) int { return strings.Count(strings.Join(s, " "), "v") }
		if replaced >= voters(from) {
			continue // nothing of the group is left
		}
		g.leader = g.servers[0].Node
		due := replicas(strings.Join(to, " "))
		for range 20 {
			a := NewAlign(AlignConfig{Self: g.leader, Router: hosts{due: due}, Groups: func() map[messages.GroupID]Configuration {
				return map[messages.GroupID]Configuration{1: g}
			}, Placements: func() ([]*messages.GroupPlacement, error) {
				return []*messages.GroupPlacement{{Group: 1, Replicas: due}}, nil
			}})
			a.look(t.Context())
		}
		want := servers(strings.Join(to, " "))
		sortServers(want)
		sortServers(g.servers)
		if !slices.Equal(g.servers, want) {
			t.Fatalf("seed %d: from %v to %v: ended at %v", seed, from, to, g.servers)
		}
		if least := min(voters(from), voters(to)) - replaced; g.worst < least {
			t.Fatalf("seed %d: from %v to %v: only %d voters on the way", seed, from, to, g.worst)
		}
	}
}

func sortServers(s []Server) {
	slices.SortFunc(s, func(a, b Server) int { return strings.Compare(string(a.Node), string(b.Node)) })
}

func TestAlignLeavesOthersGroupsAlone(t *testing.T) {
	g := &fakeGroup{leader: "b", servers: servers("a1v b1v")}
	due := replicas("a1v")
	a := NewAlign(AlignConfig{Self: "a", Router: hosts{due: due}, Groups: func() map[messages.GroupID]Configuration {
		return map[messages.GroupID]Configuration{1: g}
	}, Placements: func() ([]*messages.GroupPlacement, error) {
		return []*messages.GroupPlacement{{Group: 1, Replicas: due}}, nil
	}})
	if !a.look(t.Context()) || len(g.servers) != 2 {
		t.Errorf("ended at %v", g.servers)
	}
	g.leader, g.failing = "a", true
	if a.look(t.Context()) {
		t.Error("a change that failed counts as settled")
	}
}

// TestNoVoteBeforeTheNodeItselfIsCurrent: the leader sees the end of a
// follower's log, not how much of it is applied.
func TestNoVoteBeforeTheNodeItselfIsCurrent(t *testing.T) {
	due := replicas("a1v b1v c1v")
	g := &fakeGroup{leader: "a", servers: servers("a1v b1 c1"), worst: 9}
	look := func(behind messages.NodeID) bool {
		return NewAlign(AlignConfig{Self: "a", Router: hosts{due, behind}, Groups: func() map[messages.GroupID]Configuration {
			return map[messages.GroupID]Configuration{1: g}
		}, Placements: func() ([]*messages.GroupPlacement, error) {
			return []*messages.GroupPlacement{{Group: 1, Replicas: due}}, nil
		}}).look(t.Context())
	}
	if look("c"); !slices.Equal(g.servers, servers("a1v b1 c1")) {
		t.Errorf("while c is behind: %v", g.servers)
	}
	if look(""); !slices.Equal(g.servers, servers("a1v b1v c1v")) {
		t.Errorf("once all are current: %v", g.servers)
	}
}

// TestAlignDoesNothingOnOldPlacements: right after its start a node's model is
// as it was some time ago, when fewer replicas had a vote.
func TestAlignDoesNothingOnOldPlacements(t *testing.T) {
	g := &fakeGroup{leader: "a", servers: servers("a1v b1v c1v"), worst: 9}
	a := NewAlign(AlignConfig{Self: "a", Router: hosts{due: replicas("a1v b1v c1v")}, Groups: func() map[messages.GroupID]Configuration {
		return map[messages.GroupID]Configuration{1: g}
	}, Placements: func() ([]*messages.GroupPlacement, error) {
		return []*messages.GroupPlacement{{Group: 1, Replicas: replicas("a1v b1")}}, nil
	}})
	a.look(t.Context())
	if g.worst != 9 || len(g.servers) != 3 {
		t.Errorf("ended at %v, with %d voters on the way", g.servers, g.worst)
	}
}

// TestAlignHandsOverWhatItsNodeMustNotLead: one whose clock is off.
func TestAlignHandsOverWhatItsNodeMustNotLead(t *testing.T) {
	due := replicas("a1v b1v c1v")
	g := &fakeGroup{leader: "a", servers: servers("a1v b1v c1v"), worst: 9}
	why := "its clock is off"
	a := NewAlign(AlignConfig{Self: "a", Router: hosts{due: due}, Groups: func() map[messages.GroupID]Configuration {
		return map[messages.GroupID]Configuration{1: g}
	}, Placements: func() ([]*messages.GroupPlacement, error) {
		return []*messages.GroupPlacement{{Group: 1, Replicas: due}}, nil
	}, Unfit: func() string { return why }})
	if a.look(t.Context()); g.leader != "b" {
		t.Errorf("%s leads", g.leader)
	}
	g.leader, why = "a", ""
	if !a.look(t.Context()) || g.leader != "a" {
		t.Errorf("with its clock right, %s leads", g.leader)
	}
}
