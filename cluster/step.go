package cluster

import (
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// action is one change to a group's servers.
type action int

const (
	rest action = iota
	add
	promote
	demote
	remove
	transfer // hand leadership over
)

func (a action) String() string {
	return [...]string{"rest", "add", "promote", "demote", "remove", "transfer"}[a]
}

// step is an action, and on which server.
type step struct {
	action      action
	node        messages.NodeID
	incarnation uint64
}

// nextStep gives the next change that brings a group's servers in line with
// the replicas that are due. waiting: there will be one when servers have caught up.
//
// An even number of voters survives no more losses than the odd number below
// it, and is passed through quickly: a vote is given only when a second one can
// follow at once, or one can be taken.
func nextStep(due []*messages.Replica, actual []Server, self messages.NodeID, absent map[messages.NodeID]bool) (s step, waiting bool) {
	for _, s := range actual {
		if r := replicaOf(due, s.Node); r != nil && r.GetIncarnation() != s.Incarnation {
			return off(remove, s, self), false // a node has one replica; the later one is due
		}
	}
	for _, r := range due {
		if node := messages.NodeID(r.GetNode()); serverOf(actual, r) == nil {
			if !absent[node] {
				return step{add, node, r.GetIncarnation()}, false
			}
			waiting = true
		}
	}
	v := count(due, actual)
	switch {
	case len(v.ready) > 0 && (v.voters%2 == 0 || len(v.extra) > 0 || len(v.ready) > 1):
		return step{promote, v.ready[0].Node, v.ready[0].Incarnation}, false
	case v.missing > 0 || len(v.extra) > 0 && waiting:
		return step{}, true
	case len(v.extra) > 0:
		return off(demote, v.extra[0], self), false
	}
	for _, s := range actual {
		if replicaOf(due, s.Node) == nil {
			return off(remove, s, self), false
		}
	}
	return step{}, waiting
}

// voting is how a group's voters compare with those that are due.
type voting struct {
	voters  int
	missing int      // due voters that do not vote
	ready   []Server // of those, the ones that have caught up
	extra   []Server // voters that are not due as such
}

func count(due []*messages.Replica, actual []Server) (v voting) {
	for _, s := range actual {
		r := replicaOf(due, s.Node)
		wanted := r != nil && r.GetVoter()
		if s.Voter {
			v.voters++
		}
		switch {
		case s.Voter && !wanted:
			v.extra = append(v.extra, s)
		case wanted && !s.Voter:
			v.missing++
			if s.CaughtUp || plant.On(plant.PromotedEarly) {
				v.ready = append(v.ready, s)
			}
		}
	}
	return v
}

// off takes a vote or a place from a server. The leader passes leadership on
// first, so that its group does not wait for an election.
func off(a action, s Server, self messages.NodeID) step {
	if s.Node == self {
		a = transfer
	}
	return step{a, s.Node, s.Incarnation}
}

func serverOf(actual []Server, r *messages.Replica) *Server {
	for i, s := range actual {
		if string(s.Node) == r.GetNode() && s.Incarnation == r.GetIncarnation() {
			return &actual[i]
		}
	}
	return nil
}
