package model

import (
	"bytes"
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// change is one command on its way into the state: the transaction, what the
// log says of it, and the reply as it grows.
type change struct {
	kv.Tx
	index uint64
	now   int64 // microseconds since 1970, UTC
	reply messages.Changed

	wiring *wires // as it was read; nil: it was not, or plugs have changed since
}

// save writes an object and its index keys. An object that is stored as it is
// already stays untouched, with its version.
func (c *change) save(o *messages.Object) {
	old := load(c, o.Kind, o.Id)
	if old != nil && same(old, o) {
		o.Version, o.Created, o.Lastupdated = old.Version, old.Created, old.Lastupdated
		return
	}
	if old != nil {
		c.unlink(old)
		o.Created = old.Created
	} else {
		o.Created = c.now
	}
	c.link(o)
	c.recount(old, o)
	o.Version, o.Lastupdated = c.index, c.now
	if o.Kind == messages.Kind_KIND_PROCESSOR && (old == nil || old.Status != o.Status) {
		c.noteStatus(o)
	}
	c.Set(objectKey(o.Kind, o.Id), encode(o))
}

// link writes an object's index keys.
func (c *change) link(o *messages.Object) {
	c.Set(nameKey(o.Kind, indexName(c, o)), []byte(o.Id))
	for _, to := range references(o) {
		c.Set(referrerKey(to, o), []byte{})
	}
	if key := expiryKey(o); key != nil {
		c.Set(key, []byte{})
	}
}

func (c *change) unlink(o *messages.Object) {
	c.Delete(nameKey(o.Kind, indexName(c, o)))
	for _, to := range references(o) {
		c.Delete(referrerKey(to, o))
	}
	if key := expiryKey(o); key != nil {
		c.Delete(key)
	}
}

// remove deletes an object. What refers to it must be gone before.
func (c *change) remove(o *messages.Object) {
	c.unlink(o)
	c.recount(o, nil)
	c.Delete(objectKey(o.Kind, o.Id))
	c.Delete(configuredKey(o.Kind, o.Id))
	if o.Kind == messages.Kind_KIND_PROCESSOR {
		c.dropHistory(o.Id)
	}
}

// removeReferring deletes the objects of a kind that refer to another.
func (c *change) removeReferring(to reference, kind messages.Kind) {
	for _, o := range referring(c, to, kind) {
		c.remove(o)
	}
}

// send puts a command into the outbox to a partition.
func (c *change) send(to messages.GroupID, m proto.Message) uint64 {
	t, ok := messages.TypeOf(m)
	if !ok {
		panic("model: what is sent to a partition is no command")
	}
	seq := outbox.Put(c, to, messages.Command{Type: t, Body: encode(m)})
	c.awaits(to, seq)
	return seq
}

// awaits names in the reply what a partition must have applied.
func (c *change) awaits(to messages.GroupID, seq uint64) {
	i, found := slices.BinarySearchFunc(c.reply.Deliveries, uint32(to), func(d *messages.Deliveries, to uint32) int {
		return cmp.Compare(d.To, to)
	})
	if !found {
		c.reply.Deliveries = slices.Insert(c.reply.Deliveries, i, &messages.Deliveries{To: uint32(to)})
	}
	c.reply.Deliveries[i].Seq = seq
}

// tell sends a partition what it must know of an object, if that differs from
// what it was told last.
func (c *change) tell(to messages.GroupID, o *messages.Object, m proto.Message) {
	key, value := configuredKey(o.Kind, o.Id), encode(m)
	if last, ok := c.Get(key); ok && bytes.Equal(last, value) {
		return
	}
	c.Set(key, value)
	c.send(to, m)
}

// disappear lets an object go when a partition has acknowledged a message.
func (c *change) disappear(o *messages.Object, to messages.GroupID, m proto.Message) {
	seq := c.send(to, m)
	c.Set(disappearingKey(to, seq), path("", noun(o.Kind), o.Id))
}
