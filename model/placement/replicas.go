package placement

import (
	"cmp"
	"slices"

	"github.com/elasticcode/flow/messages"
)

// What the network aims at.
const (
	MetaVoters      = 5                 // voters of the meta group; every further node follows it
	PartitionVoters = 3                 // voters of a partition
	DeadAfter       = int64(60_000_000) // microseconds a node is down until its replicas go to others
)

// Member is a node of the network as the model knows it. A node that the model
// has forgotten is no member; its replicas are replaced without delay.
type Member struct {
	Node      string
	Up        bool
	DownSince int64 // microseconds since 1970, UTC, when it is not up
}

// Group is what is due of a group, and what its leader says that is.
type Group struct {
	Due *messages.GroupPlacement
	// Actual is the group's committed configuration. Empty: not known now, so
	// nothing is changed.
	Actual []Server
}

// Server is one member of a group's configuration.
type Server struct {
	Node        string
	Incarnation uint64
	Voter       bool
	CaughtUp    bool // it has all but the latest of the leader's log
}

// NextReplicas gives the next change to what is due of some group, or nil when
// there is none to make now. It is called again when that change is in the
// placements, and whenever members or configurations change. A group whose
// configuration is not yet what is due is left alone, so each group goes
// through one change at a time:
//
//   - a voter that is dead gives its vote to a replica that has caught up,
//   - two caught-up replicas become voters at once, so that voters stay odd,
//   - the votes of forgotten nodes are given up, two at a time,
//   - replicas that nobody needs go, and live nodes get the ones that are missing.
//
// now is in microseconds since 1970, UTC.
func NextReplicas(groups []Group, members []Member, now int64) *messages.PlaceGroup {
	load := replicasOf(groups)
	for i := range groups {
		p := newPlan(groups[i], members, load, now)
		if p == nil || !p.settled(groups[i].Actual) {
			continue
		}
		if p.swap() || p.grow() || p.shrink() || p.drop() || p.add() {
			return &messages.PlaceGroup{Group: p.due.Group, Replicas: p.replicas, Expect: p.due.Version}
		}
	}
	return nil
}

// replicasOf counts the partition replicas of each node.
func replicasOf(groups []Group) map[string]int {
	load := make(map[string]int)
	for _, group := range groups {
		if group.Due.GetGroup() != uint32(messages.Meta) {
			for _, r := range group.Due.GetReplicas() {
				load[r.Node]++
			}
		}
	}
	return load
}

// plan is one group's replicas on the way to their next state.
type plan struct {
	due      *messages.GroupPlacement
	replicas []*messages.Replica // what will be due; begins as a copy of what is
	members  []Member
	caughtUp map[string]bool // nodes whose replica has caught up
	load     map[string]int
	now      int64
}

func newPlan(g Group, members []Member, load map[string]int, now int64) *plan {
	if g.Due == nil || len(g.Actual) == 0 {
		return nil
	}
	p := &plan{due: g.Due, members: members, caughtUp: make(map[string]bool), load: load, now: now}
	for _, r := range g.Due.Replicas {
		p.replicas = append(p.replicas, &messages.Replica{Node: r.Node, Incarnation: r.Incarnation, Voter: r.Voter, Founder: r.Founder})
		for _, server := range g.Actual {
			if server.Node == r.Node && server.Incarnation == r.Incarnation && server.CaughtUp {
				p.caughtUp[r.Node] = true
			}
		}
	}
	return p
}

// settled says whether the configuration is what is due. A replica on a node
// that is not up may be missing: it may never come, and must not be waited for.
func (p *plan) settled(actual []Server) bool {
	for _, server := range actual {
		if !slices.ContainsFunc(p.replicas, func(r *messages.Replica) bool {
			return r.Node == server.Node && r.Incarnation == server.Incarnation
		}) {
			return false
		}
	}
	for _, r := range p.replicas {
		same := slices.ContainsFunc(actual, func(server Server) bool {
			return r.Node == server.Node && r.Incarnation == server.Incarnation && r.Voter == server.Voter
		})
		if !same && p.up(r.Node) {
			return false
		}
	}
	return true
}

func (p *plan) meta() bool { return p.due.Group == uint32(messages.Meta) }

// limit is the most voters the group ever has.
func (p *plan) limit() int {
	if p.meta() {
		return MetaVoters
	}
	return PartitionVoters
}

// wanted is how many voters the group should have: an odd number, as an even
// one survives no more losses than the odd number below it.
func (p *plan) wanted() int {
	n := min(p.limit(), len(p.members))
	return max(1, n-(n+1)%2)
}

func (p *plan) member(node string) (Member, bool) {
	i := slices.IndexFunc(p.members, func(m Member) bool { return m.Node == node })
	if i < 0 {
		return Member{}, false
	}
	return p.members[i], true
}

func (p *plan) known(node string) bool {
	_, ok := p.member(node)
	return ok
}

func (p *plan) up(node string) bool {
	m, ok := p.member(node)
	return ok && m.Up
}

// alive says that a node is up, or was until a moment ago and may come back.
func (p *plan) alive(node string) bool {
	m, ok := p.member(node)
	return ok && (m.Up || p.now-m.DownSince <= DeadAfter)
}

func (p *plan) index(match func(r *messages.Replica) bool) int {
	return slices.IndexFunc(p.replicas, match)
}

func (p *plan) count(match func(r *messages.Replica) bool) (n int) {
	for _, r := range p.replicas {
		if match(r) {
			n++
		}
	}
	return n
}

func voter(r *messages.Replica) bool { return r.Voter }

// ready says that a replica could vote at once.
func (p *plan) ready(r *messages.Replica) bool {
	return !r.Voter && p.up(r.Node) && p.caughtUp[r.Node]
}

// demote takes a replica's vote. Every known node follows the meta group; of a
// partition a replica without a use goes.
func (p *plan) demote(i int) {
	if p.meta() && p.known(p.replicas[i].Node) {
		p.replicas[i].Voter = false
		return
	}
	p.replicas = slices.Delete(p.replicas, i, i+1)
}

// swap gives a dead voter's vote to a replica that is ready.
func (p *plan) swap() bool {
	dead := p.index(func(r *messages.Replica) bool { return r.Voter && !p.known(r.Node) })
	if dead < 0 {
		dead = p.index(func(r *messages.Replica) bool { return r.Voter && !p.alive(r.Node) })
	}
	ready := p.index(p.ready)
	if dead < 0 || ready < 0 {
		return false
	}
	p.replicas[ready].Voter = true
	p.demote(dead)
	return true
}

// grow makes two replicas voters.
func (p *plan) grow() bool {
	if p.count(voter)+2 > p.wanted() || p.count(p.ready) < 2 {
		return false
	}
	for range 2 {
		p.replicas[p.index(p.ready)].Voter = true
	}
	return true
}

// shrink gives up the votes of two nodes that are gone for good, so that they
// no longer count against the others. A single one stays until it is replaced:
// to keep voters odd, a node that lives would have to lose its vote with it,
// and the group would survive no more losses than before.
func (p *plan) shrink() bool {
	gone := func(r *messages.Replica) bool { return r.Voter && !p.known(r.Node) }
	if p.count(gone) < 2 {
		return false
	}
	for range 2 {
		i := p.index(gone)
		p.replicas = slices.Delete(p.replicas, i, i+1)
	}
	return true
}

// drop removes one follower that has no use: of a forgotten node, or of a
// partition that has all its voters alive.
func (p *plan) drop() bool {
	full := p.count(func(r *messages.Replica) bool { return r.Voter && p.alive(r.Node) }) >= p.limit()
	i := p.index(func(r *messages.Replica) bool {
		if r.Voter {
			return false
		}
		return !p.known(r.Node) || !p.meta() && full
	})
	if i < 0 {
		return false
	}
	p.replicas = slices.Delete(p.replicas, i, i+1)
	return true
}

// add gives one live node a new replica that follows. Its incarnation is above
// all that were given before, as versions rise with each change: so a server
// id is never used twice.
func (p *plan) add() bool {
	alive := p.count(func(r *messages.Replica) bool { return p.alive(r.Node) })
	if !p.meta() && alive >= p.limit() {
		return false
	}
	node := p.spare()
	if node == "" {
		return false
	}
	p.replicas = append(p.replicas, &messages.Replica{Node: node, Incarnation: p.due.Version + 1})
	return true
}

// spare is the live node without a replica of the group that has the fewest of
// all partitions; none: "".
func (p *plan) spare() string {
	var free []Member
	for _, m := range p.members {
		if m.Up && p.index(func(r *messages.Replica) bool { return r.Node == m.Node }) < 0 {
			free = append(free, m)
		}
	}
	if len(free) == 0 {
		return ""
	}
	return slices.MinFunc(free, func(a, b Member) int {
		return cmp.Or(cmp.Compare(p.load[a.Node], p.load[b.Node]), cmp.Compare(a.Node, b.Node))
	}).Node
}
