package call

import (
	"bytes"
	"maps"
	"slices"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/kv"
)

// Recent remembers records that were written lately, and blocks that were read,
// so that the next command for a call need not decode what the one before it has
// encoded. The state stays the judge: what is remembered counts only while the
// state gives the bytes that it was encoded to, or decoded from. So a step
// computes the same with it and without it.
//
// It is used by one goroutine, and keeps up to two generations of each.
type Recent struct {
	records generations[*Record]
	blocks  generations[*Block]
}

// Put writes a record. The caller must not change it any more.
func (m *Recent) Put(tx kv.Tx, r *Record) {
	value := encode(r)
	tx.Set(key(records, r.Seq), value)
	if roll.Of(r.State) == roll.Open { // the others are hardly ever changed again
		m.records.add(r.Seq, value, r)
	}
}

// Take reads a record, as Get does. It is the caller's, who may change it.
func (m *Recent) Take(view kv.View, seq uint64) (*Record, bool) {
	value, ok := view.Get(key(records, seq))
	if !ok || isGone(value) {
		return nil, false
	}
	if r, ok := m.records.of(seq, value); ok {
		m.records.drop(seq)
		return r, true
	}
	return Decode(value), true
}

// Block is like OpenBlock.
func (m *Recent) Block(view kv.View, last uint64) *Block {
	value, ok := view.Get(key(blocks, last))
	if !ok {
		pack.Fail("block %d is gone", last)
	}
	b, ok := m.blocks.of(last, value)
	if !ok {
		b = readBlock(last, value)
		m.blocks.add(last, bytes.Clone(value), b)
	}
	return b
}

// Check says whether a record that is remembered is another one than its bytes
// say: somebody has changed it after it was written.
func (m *Recent) Check(same func(remembered, written *Record) bool) (changed bool) {
	for _, all := range m.records.all {
		for _, seq := range slices.Sorted(maps.Keys(all)) {
			changed = changed || !same(all[seq].what, Decode(all[seq].value))
		}
	}
	return changed
}

// maxRecent is how many things of a kind one generation remembers.
const maxRecent = 1024

// generations forgets what was not added for long: when the young ones are too
// many, they become the old ones, and what those were is forgotten.
type generations[V any] struct {
	all [2]map[uint64]known[V] // young, old
}

// known is a value, and what that is decoded.
type known[V any] struct {
	value []byte
	what  V
}

func (g *generations[V]) add(seq uint64, value []byte, what V) {
	if g.all[0] == nil || len(g.all[0]) >= maxRecent {
		g.all[0], g.all[1] = make(map[uint64]known[V]), g.all[0]
	}
	g.all[0][seq] = known[V]{value, what}
}

// of gives what a value is decoded, if that is known.
func (g *generations[V]) of(seq uint64, value []byte) (what V, ok bool) {
	for _, all := range g.all {
		if k, there := all[seq]; there && bytes.Equal(k.value, value) {
			return k.what, true
		}
	}
	return what, false
}

func (g *generations[V]) drop(seq uint64) {
	delete(g.all[0], seq)
	delete(g.all[1], seq)
}
