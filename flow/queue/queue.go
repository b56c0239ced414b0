// Package queue keeps what a partition knows of the queues whose home it is.
package queue

import (
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Keys:
//
//	q/ id   protobuf ConfigureQueue
const prefix = "q/"

func key(id string) []byte { return append([]byte(prefix), id...) }

// Load reads a queue; nil: it is not known.
func Load(view kv.View, id string) *messages.ConfigureQueue {
	value, ok := view.Get(key(id))
	if !ok {
		return nil
	}
	q := new(messages.ConfigureQueue)
	if err := proto.Unmarshal(value, q); err != nil {
		pack.Fail("decode queue %s: %v", id, err)
	}
	return q
}

// Save writes a queue.
func Save(tx kv.Tx, q *messages.ConfigureQueue) {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(q)
	if err != nil {
		pack.Fail("encode queue %s: %v", q.Queue, err)
	}
	tx.Set(key(q.Queue), value)
}

// Delete forgets a queue.
func Delete(tx kv.Tx, id string) { tx.Delete(key(id)) }

// IDs gives the queues that are known.
func IDs(view kv.View) (ids []string) {
	for k := range view.Scan([]byte(prefix), kv.PrefixEnd([]byte(prefix))) {
		ids = append(ids, string(k[len(prefix):]))
	}
	return ids
}
