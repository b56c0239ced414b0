package node

import (
	"fmt"
	"strings"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// lost says which voters of a group this node cannot reach, when those that it
// can are no majority; "": they are, or the group's voters are not known here.
func (n *Node) lost(group messages.GroupID) string {
	voters := n.voters(group)
	alive := n.alive()
	var gone []string
	for _, v := range voters {
		if !alive[v] {
			gone = append(gone, n.nameOf(v))
		}
	}
	if 2*len(gone) < len(voters) || len(gone) == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d voters of %s cannot be reached: %s", len(gone), len(voters), group.Name(), strings.Join(gone, ", "))
}

// voters are a group's as this node's replica has them, or those that are due.
func (n *Node) voters(group messages.GroupID) (voters []messages.NodeID) {
	if rep := n.replicas.get(group); rep != nil {
		for _, m := range rep.Members() {
			if m.Voter {
				voters = append(voters, m.Node)
			}
		}
		return voters
	}
	due, _ := n.placements() // without a model nothing is known
	for _, p := range due {
		for _, r := range p.GetReplicas() {
			if p.GetGroup() == uint32(group) && r.GetVoter() {
				voters = append(voters, messages.NodeID(r.GetNode()))
			}
		}
	}
	return voters
}

// alive are the nodes that live, as gossip has it, this one included.
func (n *Node) alive() map[messages.NodeID]bool {
	alive := map[messages.NodeID]bool{n.self.Node: true}
	for _, m := range n.gossip.Members() {
		if m.Alive {
			alive[messages.NodeID(m.Info.GetId())] = true
		}
	}
	return alive
}

// nameOf is what people call a node: its name, or its id while nothing that
// this node knows has one.
func (n *Node) nameOf(id messages.NodeID) string {
	if n.gossip != nil {
		for _, m := range n.gossip.Members() {
			if m.Info.GetId() == string(id) {
				return m.Info.GetName()
			}
		}
	}
	name, _ := see(n, func(v kv.View) string {
		o, _ := model.Get(v, messages.Kind_KIND_NODE, string(id))
		return o.GetName()
	})
	if name == "" {
		return string(id)
	}
	return name
}
