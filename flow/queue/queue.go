// Package queue keeps what a partition knows of the queues whose home it is.
package queue

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Keys:
//
//	q/ id                   protobuf ConfigureQueue
//	qb/ size(1) id socket   protobuf Binding: what a socket takes of what is published to it
const (
	prefix   = "q/"
	bindings = "qb/"
)

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

// Delete forgets a queue, and what its sockets take.
func Delete(tx kv.Tx, id string) {
	for _, b := range Bindings(tx, id) {
		Unbind(tx, id, b.Socket)
	}
	tx.Delete(key(id))
}

func bindingKey(id, socket string) []byte {
	return append(append(append([]byte(bindings), byte(len(id))), id...), socket...)
}

// Bind notes what a socket takes of what is published to a queue.
func Bind(tx kv.Tx, id string, b *messages.Binding) {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(b)
	if err != nil {
		pack.Fail("encode the binding of socket %s to queue %s: %v", b.Socket, id, err)
	}
	tx.Set(bindingKey(id, b.Socket), value)
}

// Unbind notes that a socket takes nothing.
func Unbind(tx kv.Tx, id, socket string) { tx.Delete(bindingKey(id, socket)) }

// Bindings gives what the sockets of a queue take, by their names.
func Bindings(view kv.View, id string) (all []*messages.Binding) {
	first := bindingKey(id, "")
	for k, value := range view.Scan(first, kv.PrefixEnd(first)) {
		b := new(messages.Binding)
		if err := proto.Unmarshal(value, b); err != nil {
			pack.Fail("decode the binding at %q: %v", k, err)
		}
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *messages.Binding) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.Socket, b.Socket)
	})
	return all
}

// IDs gives the queues that are known.
func IDs(view kv.View) (ids []string) {
	for k := range view.Scan([]byte(prefix), kv.PrefixEnd([]byte(prefix))) {
		ids = append(ids, string(k[len(prefix):]))
	}
	return ids
}
