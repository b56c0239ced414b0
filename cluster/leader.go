package cluster

import "github.com/elasticcode/flow/messages"

// Leader is the node that leads a group, as far as this node knows: from its
// replica of the group, or from where the group was found last.
func (r *Router) Leader(group messages.GroupID) (messages.NodeID, bool) {
	if g, ok := r.config.Local.Group(group); ok {
		if leader, known := g.Leader(); known {
			return leader, true
		}
	}
	return r.leaders.get(group)
}
