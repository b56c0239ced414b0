package node

import (
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// removed says whether the model has removed a node for good. Where there is no
// model, or none any more, others know.
func (n *Node) removed(id messages.NodeID) bool {
	if n.stopping.Err() != nil {
		return false
	}
	gone, err := see(n, func(v kv.View) bool { return model.Removed(v, id) })
	return err == nil && gone
}

// endRemoved ends this node when another one says that it was removed. Its own
// model cannot tell: it hears nothing any more of the groups that it was in.
func (n *Node) endRemoved(by messages.NodeID) {
	n.fail(messages.Errorf(messages.Denied, "join network", n.network(), "this node, %s, was removed from it on purpose, as node %s knows", n.self.Name, n.nameOf(by)).
		WithHint("to join anew, erase its data directory %s, or start it with another one", n.place.path))
}
