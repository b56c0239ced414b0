package cluster

import (
	"context"
	"time"

	"github.com/elasticcode/flow/cluster/gossip"
	"github.com/elasticcode/flow/messages"
)

// Situation is what a node knows when it must decide about its network.
type Situation struct {
	Self    messages.NodeID
	Network string // its own; empty: none yet
	// Alone: it was given nobody to join, so it founds. Expect counts then for
	// nothing.
	Alone bool
	// Expect is how many nodes, itself included, must see each other before one
	// of them founds. 0: it never founds.
	Expect int
	Vote   messages.NodeID // what it told the others last
	Others []Seen
}

// Seen is another node that lives.
type Seen struct {
	Node    messages.NodeID
	Network string          // empty: none yet
	Vote    messages.NodeID // whom it wants to found; empty: nobody yet
}

// Action is what a node does about its network.
type Action int

const (
	Wait Action = iota
	Join        // Decision.Network
	Found
)

// Decision is an action, and what to tell the others.
type Decision struct {
	Action  Action
	Network string
	Vote    messages.NodeID
}

// Decide says whether a node founds a network, joins one, or waits.
//
// The founder is the node with the lowest id, but two nodes may see different
// ones as lowest while more arrive than are expected. So each tells the others
// its vote, and a node founds only with its own vote and Expect in all. A vote
// stays with a node that lives until that node itself votes for another, and
// then cannot found any more: two founders would need 2 × Expect nodes.
func Decide(s Situation) Decision {
	if s.Network != "" {
		return Decision{Action: Join, Network: s.Network}
	}
	if network := lowestNetwork(s.Others); network != "" {
		return Decision{Action: Join, Network: network}
	}
	if s.Alone {
		return Decision{Action: Found}
	}
	if s.Expect <= 0 || len(s.Others)+1 < s.Expect {
		return Decision{Vote: standing(s)}
	}
	vote := standing(s)
	if vote == s.Self && votes(s) >= s.Expect {
		return Decision{Action: Found, Vote: vote}
	}
	if vote == "" || vote == s.Self {
		vote = lowest(s)
	}
	return Decision{Vote: vote}
}

// standing is the node's vote, unless who it is for has gone or given up.
func standing(s Situation) messages.NodeID {
	if s.Vote == s.Self {
		return s.Vote
	}
	for _, o := range s.Others {
		if o.Node == s.Vote && (o.Vote == "" || o.Vote == o.Node) {
			return s.Vote
		}
	}
	return ""
}

// votes counts those for the node itself, its own included.
func votes(s Situation) int {
	n := 1
	for _, o := range s.Others {
		if o.Vote == s.Self {
			n++
		}
	}
	return n
}

func lowest(s Situation) messages.NodeID {
	node := s.Self
	for _, o := range s.Others {
		node = min(node, o.Node)
	}
	return node
}

func lowestNetwork(others []Seen) string {
	network := ""
	for _, o := range others {
		if o.Network != "" && (network == "" || o.Network < network) {
			network = o.Network
		}
	}
	return network
}

// Gossip is what a node without a network hears and tells: gossip.Membership.
type Gossip interface {
	Members() []gossip.Member
	Subscribe() <-chan struct{} // a token when Members may have changed
	SetVote(messages.NodeID) error
	// Refusal is why members keep this node out, e.g. another gossip key.
	Refusal() error
}

func others(members []gossip.Member, self messages.NodeID) []Seen {
	var seen []Seen
	for _, m := range members {
		if id := messages.NodeID(m.Info.GetId()); m.Alive && id != self {
			seen = append(seen, Seen{Node: id, Network: m.NetworkID, Vote: m.Vote})
		}
	}
	return seen
}

// claimEvery is how often a node looks whether the one that was to found the
// network on this machine has died.
const claimEvery = 250 * time.Millisecond

// Settle waits until it is decided which network the node founds or joins.
// claim, which may be nil, asks the other nodes of this machine whether it may
// found one at once. Found and Join with the node's own network id are answered
// without waiting.
func Settle(ctx context.Context, s Situation, g Gossip, claim func(context.Context) (bool, error)) (Decision, error) {
	changed := g.Subscribe()
	again := time.NewTicker(claimEvery)
	defer again.Stop()
	for {
		s.Others = others(g.Members(), s.Self)
		d := Decide(s)
		if d.Action == Wait && claim != nil {
			may, err := claim(ctx)
			if err != nil {
				return d, err
			}
			s.Alone = may
			if may {
				continue
			}
		}
		if d.Action != Wait {
			return d, nil
		}
		if err := g.Refusal(); err != nil {
			return d, err
		}
		if d.Vote != s.Vote {
			s.Vote = d.Vote
			if err := g.SetVote(d.Vote); err != nil {
				return d, err
			}
			continue // others may have waited for this vote alone
		}
		select {
		case <-changed:
		case <-again.C:
		case <-ctx.Done():
			return d, messages.Errorf(messages.Deadline, "join a network", "", "no member of one was found").WithHint("check --join and --expect")
		}
	}
}
