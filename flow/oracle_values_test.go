package flow

import (
	"bytes"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// largeTexts are the values that random walks send by reference. Their sizes do
// not matter to the state machine, but for how many chunks they have.
var largeTexts = [][]byte{[]byte(`"small"`), []byte(`{"another": 1}`), []byte(`[1, 2, 3]`), bytes.Repeat([]byte("7"), messages.ChunkBytes+3)}

// largeReferences name them, in the same order: they are named in each step, and
// naming a text means hashing it.
var largeReferences = func() (all []messages.Reference) {
	for _, text := range largeTexts {
		all = append(all, messages.ReferenceTo(text))
	}
	return all
}()

// oValue is a large value: the chunks that have come, and when it goes.
type oValue struct {
	reference messages.Reference
	chunks    []bool
	named     bool // after the last command
	expires   int64
}

func (v *oValue) whole() bool { return !slices.Contains(v.chunks, false) }

func (o *oracle) value(r messages.Reference) *oValue {
	for _, v := range o.values {
		if v.reference == r {
			return v
		}
	}
	return nil
}

// absent says whether one of the values is not here.
func (o *oracle) absent(values ...[]byte) bool {
	for _, r := range messages.References(values...) {
		if v := o.value(r); v == nil || !v.whole() {
			return true
		}
	}
	return false
}

// oValues are what a message to another partition carries.
func oValues(m proto.Message) [][]byte {
	switch m := m.(type) {
	case *messages.Arrive:
		return [][]byte{m.Value}
	case *messages.FanOut:
		return m.Publish.Arguments.Values()
	}
	return nil
}

func (o *oracle) putChunk(c *messages.PutChunk) string {
	r := messages.Reference{Hash: [32]byte(c.Hash), Size: c.Size}
	v := o.value(r)
	if v == nil {
		v = &oValue{reference: r, chunks: make([]bool, r.Chunks())}
		o.values = append(o.values, v)
	}
	v.chunks[c.Index] = true
	if !v.named {
		v.expires = o.now + unnamedFor.Microseconds()
	}
	return fmt.Sprintf("put %v", v.whole())
}

// named looks through everything that can name a value.
func (o *oracle) named(v *oValue) bool {
	is := func(value []byte) bool { return bytes.Equal(value, v.reference.Value()) }
	for _, c := range o.calls {
		if !c.gone && slices.ContainsFunc(c.sent.Arguments.Values(), is) || !c.gone && is(c.result) {
			return true
		}
	}
	for _, a := range o.arrivals {
		if a.joined == nil && (is([]byte(a.value)) || slices.ContainsFunc(a.args.Values(), is)) {
			return true
		}
	}
	for i, p := range o.posted {
		if i >= o.dropped && slices.ContainsFunc(oValues(p.m), is) {
			return true
		}
	}
	return false
}

// lapse follows each command: a value that has lost its last name has some
// minutes left.
func (o *oracle) lapse() {
	for _, v := range o.values {
		named := o.named(v)
		if v.named && !named {
			v.expires = o.now + unnamedFor.Microseconds()
		}
		v.named = named
	}
}

// forgetValues drops those whose time is over.
func (o *oracle) forgetValues() {
	o.values = slices.DeleteFunc(o.values, func(v *oValue) bool { return !v.named && v.expires <= o.now })
}

// ------------------------------------------------------------------ commands

// large gives a reference to one of the texts.
func (e *episode) large() []byte {
	return largeReferences[e.rng.IntN(len(largeTexts))].Value()
}

// putChunk is a random chunk of one of the texts.
func (e *episode) putChunk() proto.Message {
	i := e.rng.IntN(len(largeTexts))
	return chunk(largeReferences[i], largeTexts[i], uint32(e.rng.IntN(int(largeReferences[i].Chunks()))))
}

func chunkOf(text []byte, index uint32) *messages.PutChunk {
	return chunk(messages.ReferenceTo(text), text, index)
}

func chunk(r messages.Reference, text []byte, index uint32) *messages.PutChunk {
	from, to := r.Chunk(index)
	return &messages.PutChunk{Hash: r.Hash[:], Size: r.Size, Index: index, Data: text[from:to]}
}

// putAll gives the chunks of what a reference stands for.
func putAll(r messages.Reference) (all []proto.Message) {
	if i := slices.Index(largeReferences, r); i >= 0 {
		for index := range r.Chunks() {
			all = append(all, chunk(r, largeTexts[i], index))
		}
	}
	return all
}

// compareValues: the values that are here are those that the oracle has.
func (e *episode) compareValues() {
	e.t.Helper()
	for i, text := range largeTexts {
		r := largeReferences[i]
		v := e.oracle.value(r)
		got := Chunks(e.state, r.Hash[:], 0, r.Chunks())
		whole := bytes.Equal(bytes.Join(got, nil), text)
		if want := v != nil && v.whole(); whole != want {
			e.fatal("value %x of %d bytes is here: %v, want %v", r.Hash, r.Size, whole, want)
		}
	}
}
