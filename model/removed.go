package model

import (
	"encoding/binary"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// maxRemoved bounds the ids of removed nodes that are remembered: the latest.
const maxRemoved = 1024

// Removed says whether a node was removed from the network on purpose. Its id
// never comes back: what its disk holds is as of long ago, and two such nodes
// could take each other for a majority.
func Removed(view kv.View, node messages.NodeID) bool {
	_, ok := view.Get(removedKey(string(node)))
	return ok
}

// checkRemoved refuses a node that was removed.
func (c *change) checkRemoved(op string, info *messages.NodeInfo) *messages.Error {
	if !Removed(c, messages.NodeID(info.Id)) {
		return nil
	}
	return messages.Errorf(messages.Denied, op, info.Name, "node %s was removed from this network on purpose", info.Id).
		WithHint("to join anew, start it with an empty data directory")
}

// markRemoved remembers that a node was removed, and forgets the longest gone.
func (c *change) markRemoved(id string) {
	c.Set(removedKey(id), binary.BigEndian.AppendUint64(nil, c.index))
	var oldest []byte
	first, count := c.index, 0
	for k, v := range c.Scan([]byte(removedNodes), kv.PrefixEnd([]byte(removedNodes))) {
		count++
		if at := binary.BigEndian.Uint64(v); at < first {
			first, oldest = at, append([]byte(nil), k...)
		}
	}
	if count > maxRemoved {
		c.Delete(oldest)
	}
}
