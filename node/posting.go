package node

import (
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
	"github.com/elasticcode/flow/raftstore"
)

// posting says of each command whether it put messages into its group's
// outbox, so that the courier looks there then, and not after each of
// thousands of commands a second that put none.
type posting struct{ raftstore.Machine }

func (p posting) Apply(tx kv.Tx, index uint64, now int64, c messages.Command) (messages.Result, error) {
	w := &watched{Tx: tx}
	r, err := p.Machine.Apply(w, index, now, c)
	r.Posted = w.posted
	return r, err
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
