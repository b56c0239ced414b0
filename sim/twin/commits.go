package twin

import (
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
)

// told is a state machine whose entries somebody is told of.
type told struct {
	raftstore.Machine
	tell func(index uint64, entry []byte)
}

// ApplyEntry tells of an entry before it is applied: what it does to the state
// is found out again, elsewhere.
func (t told) ApplyEntry(tx kv.Tx, index uint64, now int64, commands []messages.Command) ([]messages.Result, error) {
	t.tell(index, messages.Entry{Time: now, Commands: commands}.Append(nil))
	return t.Machine.ApplyEntry(tx, index, now, commands)
}
