package node

import (
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
	"github.com/elasticcode/flow/raftstore"
)

// posting says of each entry whether it put messages into its group's
// outbox, so that the courier looks there then, and not after each of
// thousands of entries that put none.
type posting struct{ raftstore.Machine }

func (p posting) ApplyEntry(tx kv.Tx, index uint64, now int64, commands []messages.Command) ([]messages.Result, error) {
	w := &watched{Tx: tx}
	results, err := p.Machine.ApplyEntry(w, index, now, commands)
	for i := range results {
		results[i].Posted = w.posted
	}
	return results, err
}

type watched struct {
	kv.Tx
	posted bool
}

func (w *watched) Set(key, value []byte) {
	w.posted = w.posted || outbox.IsMessage(key)
	w.Tx.Set(key, value)
}

// kickIfPosted wakes a group's courier when there is something to carry.
func (r *replica) kickIfPosted(results []messages.Result) {
	for _, result := range results {
		if result.Posted {
			r.courier.kick()
			return
		}
	}
}
