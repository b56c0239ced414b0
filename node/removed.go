package node

import (
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// removed says whether the model has removed a node for good. Where there is no
// model, or none any more, others know: peers ask as soon as they can connect, which
// is before anything else of this node is open, and nobody hears why there is none.
func (n *Node) removed(id messages.NodeID) bool {
	if n.stopping.Err() != nil {
		return false
	}
	replica := n.replicas.get(messages.Meta)
	if replica == nil {
		return false
	}
	var gone bool
	err := replica.View(func(v kv.View, _ uint64) error { gone = model.Removed(v, id); return nil })
	return err == nil && gone
}

// endRemoved ends this node when another one says that it was removed. Its own
// model cannot tell: it hears nothing any more of the groups that it was in.
func (n *Node) endRemoved(by messages.NodeID) {
	n.fail(messages.Errorf(messages.Denied, "join network", n.network(), "this node, %s, was removed from it on purpose, as node %s knows", n.self.Name, n.nameOf(by)).
		WithHint("to join anew, erase its data directory %s, or start it with another one", n.place.path))
}
