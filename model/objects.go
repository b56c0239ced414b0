package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// reference is an object that another one cannot do without.
type reference struct {
	kind messages.Kind
	id   string
}

// references gives what an object refers to. Each is indexed, both ways.
func references(o *messages.Object) []reference {
	switch s := o.Spec.(type) {
	case *messages.Object_Socket:
		return []reference{
			{messages.Kind_KIND_PROCESSOR, s.Socket.Processor},
			{messages.Kind_KIND_QUEUE, s.Socket.Queue},
			{messages.Kind_KIND_TASK, s.Socket.Task},
		}
	case *messages.Object_Plug:
		return []reference{
			{messages.Kind_KIND_SOCKET, s.Plug.Source},
			{messages.Kind_KIND_SOCKET, s.Plug.Target},
			{messages.Kind_KIND_QUEUE, s.Plug.Queue},
		}
	case *messages.Object_Task:
		return []reference{{messages.Kind_KIND_PROCESSOR, s.Task.Processor}}
	case *messages.Object_Argument:
		return []reference{{messages.Kind_KIND_TASK, s.Argument.Task}}
	case *messages.Object_Agent:
		return []reference{{messages.Kind_KIND_NODE, s.Agent.Node}}
	case *messages.Object_Worker:
		return []reference{{messages.Kind_KIND_PROCESSOR, s.Worker.Processor}, {messages.Kind_KIND_NODE, s.Worker.Node}}
	case *messages.Object_Deployment:
		return []reference{{messages.Kind_KIND_PROCESSOR, s.Deployment.Processor}, {messages.Kind_KIND_NODE, s.Deployment.Node}}
	}
	return nil
}

// encode is deterministic: replicas compare their states byte by byte.
func encode(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		// All strings came through a decoder that refuses what cannot be encoded.
		panic(fmt.Sprintf("model: encode %T: %v", m, err))
	}
	return b
}

func decode(key, value []byte) *messages.Object {
	o := new(messages.Object)
	if err := proto.Unmarshal(value, o); err != nil {
		panic(fmt.Sprintf("model: the object at %s is malformed: %v", key, err))
	}
	return o
}

// load gives the object with an id, or nil.
func load(view kv.View, kind messages.Kind, id string) *messages.Object {
	key := objectKey(kind, id)
	if value, ok := view.Get(key); ok {
		return decode(key, value)
	}
	return nil
}

// named gives the object with a name, or nil.
func named(view kv.View, kind messages.Kind, name string) *messages.Object {
	if id, ok := view.Get(nameKey(kind, name)); ok {
		return load(view, kind, string(id))
	}
	return nil
}

// find gives the object with an id or a name, or nil. No name has the form of
// an id, so the two cannot be mistaken for each other, and what is probably one is
// not looked for as the other: what is not there is the dearest to look for.
func find(view kv.View, kind messages.Kind, name string) *messages.Object {
	first, then := named, load
	if isID(name) {
		first, then = load, named
	}
	if o := first(view, kind, name); o != nil {
		return o
	}
	return then(view, kind, name)
}

// indexName is an object's name in the index of names: unique in its kind.
func indexName(view kv.View, o *messages.Object) string {
	if o.Kind == messages.Kind_KIND_ARGUMENT {
		if task := load(view, messages.Kind_KIND_TASK, o.GetArgument().Task); task != nil {
			return task.Name + "." + o.Name
		}
	}
	return o.Name
}

// keysBelow gives what follows a prefix in each key that has it.
func keysBelow(view kv.View, prefix []byte) []string {
	var below []string
	for k := range view.Scan(prefix, kv.PrefixEnd(prefix)) {
		below = append(below, string(k[len(prefix):]))
	}
	return below
}

// all gives the objects of a kind in the order of their names.
func all(view kv.View, kind messages.Kind) []*messages.Object {
	prefix := nameKey(kind, "")
	var ids []string
	for _, id := range view.Scan(prefix, kv.PrefixEnd(prefix)) {
		ids = append(ids, string(id))
	}
	return loadAll(view, kind, ids)
}

// refers says whether an object of a kind refers to another object.
func refers(view kv.View, to reference, kind messages.Kind) bool {
	prefix := path(referrers, noun(to.kind), to.id, noun(kind), "")
	for range view.Scan(prefix, kv.PrefixEnd(prefix)) {
		return true
	}
	return false
}

// referring gives the objects of a kind that refer to another object, in the
// order of their names.
func referring(view kv.View, to reference, kind messages.Kind) []*messages.Object {
	found := loadAll(view, kind, keysBelow(view, path(referrers, noun(to.kind), to.id, noun(kind), "")))
	slices.SortFunc(found, byName)
	return found
}

func loadAll(view kv.View, kind messages.Kind, ids []string) []*messages.Object {
	found := make([]*messages.Object, 0, len(ids))
	for _, id := range ids {
		found = append(found, load(view, kind, id))
	}
	return found
}

func byName(a, b *messages.Object) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	return strings.Compare(a.Id, b.Id)
}

// derive makes the id of an object that the model makes itself, from the ids
// and names that it follows from. It has the form of a UUID.
func derive(from ...string) string {
	sum := sha256.Sum256([]byte("model\x00" + strings.Join(from, "\x00")))
	sum[6] = 0x80 | sum[6]&0x0f
	sum[8] = 0x80 | sum[8]&0x3f
	h := hex.EncodeToString(sum[:16])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

func clone(o *messages.Object) *messages.Object { return proto.Clone(o).(*messages.Object) }

// same says whether two objects differ in nothing but when they were changed.
func same(a, b *messages.Object) bool {
	x, y := clone(a), clone(b)
	for _, o := range []*messages.Object{x, y} {
		o.Version, o.Lastupdated, o.Created = 0, 0, 0
	}
	return bytes.Equal(encode(x), encode(y))
}
