package slot

import (
	"encoding/binary"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Keys:
//
//	v/ node    the node's sessions: first boot that has not ended(8) open(1)
const nodes = "v/"

// Sessions is what a partition knows of a node's sessions. It is kept for as
// long as the partition: a grant that was on its way when its session ended
// must not bring it back.
type Sessions struct {
	Node messages.NodeID
	// Lowest is the lowest boot that has not ended.
	Lowest uint64
	// Open says that boot Lowest has a session.
	Open bool
}

// LoadSessions reads a node's sessions.
func LoadSessions(view kv.View, node messages.NodeID) Sessions {
	s := Sessions{Node: node}
	if value, ok := view.Get(append([]byte(nodes), node...)); ok {
		s.read(value)
	}
	return s
}

func (s *Sessions) read(value []byte) {
	r := pack.Reader{What: "sessions of a node", Rest: value}
	s.Lowest, s.Open = r.Uint64(), r.Flag()
}

// Save writes them.
func (s Sessions) Save(tx kv.Tx) {
	value := binary.BigEndian.AppendUint64(nil, s.Lowest)
	tx.Set(append([]byte(nodes), s.Node...), pack.Flag(value, s.Open))
}

// ID is the open session.
func (s Sessions) ID() messages.SessionID { return messages.SessionID{Node: s.Node, Boot: s.Lowest} }

// AllSessions gives the sessions of all nodes, by node.
func AllSessions(view kv.View) (all []Sessions) {
	for k, v := range view.Scan([]byte(nodes), kv.PrefixEnd([]byte(nodes))) {
		s := Sessions{Node: messages.NodeID(k[len(nodes):])}
		s.read(v)
		all = append(all, s)
	}
	return all
}
