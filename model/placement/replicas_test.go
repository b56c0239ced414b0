package placement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// network carries out what NextReplicas says: placements as the model keeps
// them, and the configuration of each group, which follows when it is told to.
type network struct {
	t       *testing.T
	now     int64
	version uint64
	members []Member
	groups  []Group
	used    map[string]bool // server ids that were ever due, by group
}

func newNetwork(t *testing.T) *network {
	n := &network{t: t, version: 1, now: 1, used: make(map[string]bool)}
	n.join("a")
	for group := range 3 {
		founder := &messages.Replica{Node: "a", Incarnation: 1, Voter: true, Founder: true}
		n.groups = append(n.groups, Group{
			Due:    &messages.GroupPlacement{Group: uint32(group), Version: 1, Replicas: []*messages.Replica{founder}},
			Actual: []Server{{Node: "a", Incarnation: 1, Voter: true, CaughtUp: true}},
		})
		n.used[fmt.Sprint(group, "a", 1)] = true
	}
	return n
}

func (n *network) join(node string) { n.members = append(n.members, Member{Node: node, Up: true}) }

func (n *network) member(node string) *Member {
	i := slices.IndexFunc(n.members, func(m Member) bool { return m.Node == node })
	if i < 0 {
		return nil
	}
	return &n.members[i]
}

func (n *network) up(node string) bool { m := n.member(node); return m != nil && m.Up }

func (n *network) down(node string) { *n.member(node) = Member{Node: node, DownSince: n.now} }

// forget does what the model does with a node that is removed: its followers
// go at once, its votes stay due.
func (n *network) forget(node string) {
	n.members = slices.DeleteFunc(n.members, func(m Member) bool { return m.Node == node })
	for i := range n.groups {
		due := proto.Clone(n.groups[i].Due).(*messages.GroupPlacement)
		due.Replicas = slices.DeleteFunc(due.Replicas, func(r *messages.Replica) bool { return r.Node == node && !r.Voter })
		if len(due.Replicas) < len(n.groups[i].Due.Replicas) {
			n.version++
			due.Version = n.version
			n.groups[i].Due = due
		}
	}
}

// step asks for the next change and puts it into the placements. It checks all
// that must hold of a change.
func (n *network) step() bool {
	n.t.Helper()
	change := NextReplicas(n.groups, n.members, n.now)
	if change == nil {
		return false
	}
	g := &n.groups[change.Group]
	if change.Expect != g.Due.Version {
		n.t.Fatalf("the change expects version %d, it is %d", change.Expect, g.Due.Version)
	}
	if !n.settled(change.Group) {
		n.t.Fatalf("group %d is to change again before its last change is done", change.Group)
	}
	n.inspect(g, change)
	n.version++
	g.Due = &messages.GroupPlacement{Group: change.Group, Replicas: change.Replicas, Version: n.version}
	return true
}

func (n *network) inspect(g *Group, change *messages.PlaceGroup) {
	n.t.Helper()
	voters, fresh := 0, 0
	for i, r := range change.Replicas {
		if slices.ContainsFunc(change.Replicas[:i], func(d *messages.Replica) bool { return d.Node == r.Node }) {
			n.t.Fatalf("node %s is to have two replicas of group %d", r.Node, change.Group)
		}
		old := slices.IndexFunc(g.Due.Replicas, func(d *messages.Replica) bool { return d.Node == r.Node && d.Incarnation == r.Incarnation })
		server := fmt.Sprint(change.Group, r.Node, r.Incarnation)
		if old < 0 && n.used[server] {
			n.t.Fatalf("server id %s is used twice", server)
		}
		n.used[server] = true
		if old < 0 {
			fresh++
		}
		if r.Voter {
			voters++
			caughtUp := slices.ContainsFunc(g.Actual, func(s Server) bool { return s.Node == r.Node && s.Incarnation == r.Incarnation && s.CaughtUp })
			if !caughtUp && (old < 0 || !g.Due.Replicas[old].Voter) {
				n.t.Fatalf("the replica of group %d on %s is to vote before it has caught up", change.Group, r.Node)
			}
		}
	}
	if voters%2 == 0 || fresh > 1 || voters > 5 {
		n.t.Fatalf("group %d: %d voters and %d new replicas in one change", change.Group, voters, fresh)
	}
}

// settled says whether a group's configuration is what is due, but for nodes
// that are not up.
func (n *network) settled(group uint32) bool {
	g := n.groups[group]
	for _, r := range g.Due.Replicas {
		if n.up(r.Node) && !slices.ContainsFunc(g.Actual, func(s Server) bool {
			return s.Node == r.Node && s.Incarnation == r.Incarnation && s.Voter == r.Voter
		}) {
			return false
		}
	}
	return len(g.Actual) <= len(g.Due.Replicas)
}

// carryOut makes a group's configuration what is due. A replica that was there
// has caught up, a new one has not.
func (n *network) carryOut(group int) {
	g := &n.groups[group]
	var actual []Server
	for _, r := range g.Due.Replicas {
		server := Server{Node: r.Node, Incarnation: r.Incarnation, Voter: r.Voter}
		for _, old := range g.Actual {
			if old.Node == r.Node && old.Incarnation == r.Incarnation {
				server.CaughtUp = old.CaughtUp
			}
		}
		actual = append(actual, server)
	}
	g.Actual = actual
}

func (n *network) catchUp(group int) {
	for i := range n.groups[group].Actual {
		if s := &n.groups[group].Actual[i]; n.up(s.Node) {
			s.CaughtUp = true
		}
	}
}

// run goes on until nothing is left to change.
func (n *network) run() {
	n.t.Helper()
	for range 200 {
		changed := n.step()
		for group := range n.groups {
			n.carryOut(group)
			n.catchUp(group)
		}
		if !changed && NextReplicas(n.groups, n.members, n.now) == nil {
			return
		}
	}
	n.t.Fatalf("no end: %s", n)
}

// String says what is due: "a* b* c* | a* b* c* | …", a star for a vote.
func (n *network) String() string {
	var parts []string
	for _, g := range n.groups {
		var replicas []string
		for _, r := range g.Due.Replicas {
			star := ""
			if r.Voter {
				star = "*"
			}
			replicas = append(replicas, r.Node+star)
		}
		slices.Sort(replicas)
		parts = append(parts, strings.Join(replicas, " "))
	}
	return strings.Join(parts, " | ")
}

func (n *network) is(want string) {
	n.t.Helper()
	if got := n.String(); got != want {
		n.t.Errorf("due: %s\nwant: %s", got, want)
	}
}

// grown is a network that nodes have joined, one after the other.
func grown(t *testing.T, nodes ...string) *network {
	n := newNetwork(t)
	for _, node := range nodes {
		n.join(node)
		n.run()
	}
	return n
}

func TestReplicasGrowWithTheNetwork(t *testing.T) {
	n := newNetwork(t)
	n.run()
	n.is("a* | a* | a*")
	for _, want := range []string{
		"a* b | a* b | a* b",
		"a* b* c* | a* b* c* | a* b* c*",
		"a* b* c* d | a* b* c* | a* b* c*",
		"a* b* c* d* e* | a* b* c* | a* b* c*",
		"a* b* c* d* e* f | a* b* c* | a* b* c*",
	} {
		n.join(string(rune('a' + len(n.members))))
		n.run()
		n.is(want)
	}
}

func TestPartitionsSpreadOverTheNodes(t *testing.T) {
	n := newNetwork(t)
	for _, node := range []string{"b", "c", "d", "e"} {
		n.join(node)
	}
	n.run()
	n.is("a* b* c* d* e* | a* b* c* | a* d* e*")
}

func TestDeadNodesReplicasGoToASpareNode(t *testing.T) {
	n := grown(t, "b", "c", "d")
	n.down("b")
	n.now += DeadAfter
	n.run()
	n.is("a* b* c* d | a* b* c* | a* b* c*")
	n.now++
	n.run()
	n.is("a* b c* d* | a* c* d* | a* c* d*")
	n.member("b").Up = true
	n.run()
	n.is("a* b c* d* | a* c* d* | a* c* d*")
}

func TestDeadNodeIsKeptWhenNobodyCanTakeItsPlace(t *testing.T) {
	n := grown(t, "b", "c")
	n.down("c")
	n.now += 10 * DeadAfter
	n.run()
	n.is("a* b* c* | a* b* c* | a* b* c*")
}

func TestSpareThatWasNotNeededGoesAgain(t *testing.T) {
	n := grown(t, "b", "c", "d")
	n.down("b")
	n.now += DeadAfter + 1
	for strings.Count(n.String(), "d") < 3 { // both partitions are about to use it
		n.step()
		for group := range n.groups {
			n.carryOut(group)
		}
	}
	n.member("b").Up = true
	n.run()
	n.is("a* b c* d* | a* b* c* | a* b* c*")
}

func TestWipedNodeGetsItsReplicasAgainUnderNewIDs(t *testing.T) {
	n := grown(t, "b", "c")
	n.down("c")
	n.forget("c")
	n.join("c2")
	n.run()
	n.is("a* b* c2* | a* b* c2* | a* b* c2*")
}

func TestRemovedNodesVoteWaitsForAnother(t *testing.T) {
	n := grown(t, "b", "c")
	n.down("c")
	n.forget("c")
	n.run()
	n.is("a* b* c* | a* b* c* | a* b* c*")
	n.join("d")
	n.run()
	n.is("a* b* d* | a* b* d* | a* b* d*")
}

func TestVotesOfTwoRemovedNodesAreGivenUp(t *testing.T) {
	n := grown(t, "b", "c", "d", "e")
	n.down("d")
	n.down("e")
	n.forget("d")
	n.forget("e")
	n.run()
	n.is("a* b* c* | a* b* c* | a* b* c*")
}

func TestGroupOfUnknownConfigurationIsLeftAlone(t *testing.T) {
	n := newNetwork(t)
	n.join("b")
	for i := range n.groups {
		n.groups[i].Actual = nil
	}
	if change := NextReplicas(n.groups, n.members, n.now); change != nil {
		t.Errorf("changed without knowing what is: %v", change)
	}
	n.groups[2].Actual = []Server{{Node: "a", Incarnation: 1, Voter: true, CaughtUp: true}, {Node: "b", Incarnation: 2}}
	if change := NextReplicas(n.groups, n.members, n.now); change != nil {
		t.Errorf("changed a group that has a member too many: %v", change)
	}
}

// TestReplicasConverge lets nodes come, go, be wiped and be removed at random,
// with configurations that follow late. Each change is inspected by step; left
// in peace, the network comes to what it aims at.
func TestReplicasConverge(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 5))
		n := newNetwork(t)
		next := 'b'
		for range 120 {
			n.now += rng.Int64N(DeadAfter)
			m := &n.members[rng.IntN(len(n.members))]
			switch rng.IntN(10) {
			case 0:
				if len(n.members) < 7 {
					n.join(string(next))
					next++
				}
			case 1:
				if m.Up && n.canLose(m.Node) {
					n.down(m.Node)
				}
			case 2, 3:
				*m = Member{Node: m.Node, Up: true}
			case 4:
				if !m.Up && n.canForget(m.Node) {
					n.forget(m.Node)
				}
			case 5, 6:
				n.step()
			default:
				group := rng.IntN(len(n.groups))
				n.carryOut(group)
				if rng.IntN(2) == 0 {
					n.catchUp(group)
				}
			}
		}
		for i := range n.members {
			n.members[i] = Member{Node: n.members[i].Node, Up: true}
		}
		for group := range n.groups {
			n.carryOut(group)
			n.catchUp(group)
		}
		n.run()
		n.aim(seed)
	}
}

// canLose says whether every group keeps a majority without a node.
func (n *network) canLose(node string) bool {
	for _, g := range n.groups {
		voters, up := 0, 0
		for _, s := range g.Actual {
			if s.Voter {
				voters++
				if s.Node != node && n.up(s.Node) {
					up++
				}
			}
		}
		if up <= voters/2 {
			return false
		}
	}
	return true
}

func (n *network) canForget(node string) bool {
	for _, g := range n.groups {
		if len(g.Due.Replicas) == 1 && g.Due.Replicas[0].Node == node {
			return false
		}
	}
	return len(n.members) > 1
}

// aim fails unless the network is what it should be with all nodes up.
func (n *network) aim(seed uint64) {
	n.t.Helper()
	for i, g := range n.groups {
		limit := PartitionVoters
		if i == 0 {
			limit = MetaVoters
		}
		voters, gone := 0, 0
		for _, r := range g.Due.Replicas {
			if r.Voter {
				voters++
			}
			if n.member(r.Node) == nil {
				gone++
			}
		}
		// A vote may be left with a node that is gone if all others vote.
		want := min(limit, len(n.members)-(len(n.members)+1)%2+2*gone)
		if voters != want || gone > 1 {
			n.t.Fatalf("seed %d: group %d has %d voters of %d nodes, %d of them gone, want %d: %s", seed, i, voters, len(n.members), gone, want, n)
		}
		followers := len(g.Due.Replicas) - voters
		if i == 0 && len(g.Due.Replicas) != len(n.members)+gone || i > 0 && voters == limit && followers > 0 {
			n.t.Fatalf("seed %d: group %d has %d followers: %s", seed, i, followers, n)
		}
	}
}
