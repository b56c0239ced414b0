package model

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model/placement"
)

// Groups gives what is due of each group, the meta group first.
func Groups(view kv.View) []*messages.GroupPlacement {
	var found []*messages.GroupPlacement
	for k, v := range view.Scan([]byte(groups), kv.PrefixEnd([]byte(groups))) {
		g := new(messages.GroupPlacement)
		if err := proto.Unmarshal(v, g); err != nil {
			panic(fmt.Sprintf("model: the placement at %x is malformed: %v", k, err))
		}
		found = append(found, g)
	}
	return found
}

// Members gives the nodes as placement.NextReplicas wants them, by name.
func Members(view kv.View) []placement.Member {
	var members []placement.Member
	for _, o := range all(view, messages.Kind_KIND_NODE) {
		members = append(members, placement.Member{Node: o.Id, Up: o.Status == Up, DownSince: o.GetNode().DownSince})
	}
	return members
}

func (c *change) setGroup(g *messages.GroupPlacement) {
	c.Set(groupKey(messages.GroupID(g.Group)), encode(g))
}

func soleVoter(g *messages.GroupPlacement, node string) bool {
	voters := slices.DeleteFunc(slices.Clone(g.Replicas), func(r *messages.Replica) bool { return !r.Voter })
	return len(voters) == 1 && voters[0].Node == node
}

// dropFollower removes a node's replica of a group, if it does not vote.
func (c *change) dropFollower(g *messages.GroupPlacement, node string) {
	kept := slices.DeleteFunc(slices.Clone(g.Replicas), func(r *messages.Replica) bool { return r.Node == node && !r.Voter })
	if len(kept) < len(g.Replicas) {
		c.setGroup(&messages.GroupPlacement{Group: g.Group, Replicas: kept, Version: c.index})
	}
}

// placeGroup sets the replicas that are due of a group.
func (c *change) placeGroup(m *messages.PlaceGroup) *messages.Error {
	op, subject := "place group", fmt.Sprint(m.Group)
	placements := Groups(c)
	i := slices.IndexFunc(placements, func(g *messages.GroupPlacement) bool { return g.Group == m.Group })
	if i < 0 {
		return messages.Errorf(messages.NotFound, op, subject, "there is no such group").WithHint("groups are 0 to %d", len(placements)-1)
	}
	due := placements[i]
	if due.Version != m.Expect {
		return messages.Errorf(messages.Conflict, op, subject, "its placement is version %d, not %d", due.Version, m.Expect)
	}
	if reason := c.replicasWrong(due, m.Replicas); reason != "" {
		return messages.Errorf(messages.Invalid, op, subject, "%s", reason)
	}
	c.setGroup(&messages.GroupPlacement{Group: m.Group, Replicas: m.Replicas, Version: c.index})
	return nil
}

// replicasWrong says what is wrong with a new set of replicas; "": nothing.
func (c *change) replicasWrong(due *messages.GroupPlacement, replicas []*messages.Replica) string {
	voters := 0
	for i, r := range replicas {
		old := slices.IndexFunc(due.Replicas, func(d *messages.Replica) bool {
			return d.Node == r.Node && d.Incarnation == r.Incarnation
		})
		switch {
		case slices.ContainsFunc(replicas[:i], func(d *messages.Replica) bool { return d.Node == r.Node }):
			return fmt.Sprintf("node %s has two replicas", r.Node)
		case old < 0 && load(c, messages.Kind_KIND_NODE, r.Node) == nil:
			return fmt.Sprintf("there is no node %s", r.Node)
		case old < 0 && (r.Incarnation <= due.Version || r.Incarnation > c.index):
			return fmt.Sprintf("incarnation %d on node %s: it must be above %d, so that no server id is used twice", r.Incarnation, r.Node, due.Version)
		case old < 0 && r.Voter:
			return fmt.Sprintf("the new replica on node %s votes before it has caught up", r.Node)
		case r.Founder != (old >= 0 && due.Replicas[old].Founder):
			return fmt.Sprintf("the replica on node %s is founder or not from its beginning", r.Node)
		}
		if r.Voter {
			voters++
		}
	}
	if voters%2 == 0 {
		return fmt.Sprintf("%d voters: their number must be odd", voters)
	}
	return ""
}
