package call

import (
	"bytes"

	"github.com/elasticcode/flow/flow/memo"
	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/kv"
)

// Recent remembers records that were written lately, and blocks that were read,
// so that the next command for a call need not decode what the one before it has
// encoded.
type Recent struct {
	records memo.Numbered[*Record]
	blocks  memo.Memo[uint64, *Block]
	scratch []byte
}

// Put writes a record. The caller must not change it any more.
func (m *Recent) Put(tx kv.Tx, r *Record) {
	m.scratch = appendRecord(m.scratch[:0], r)
	value := bytes.Clone(m.scratch)
	tx.Set(key(records, r.Seq), value)
	if roll.Of(r.State) == roll.Open { // the others are hardly ever changed again
		m.records.Add(r.Seq, value, r)
	}
}

// Take reads a record, as Get does. It is the caller's, who may change it.
func (m *Recent) Take(view kv.View, seq uint64) (*Record, bool) {
	m.scratch = appendKey(m.scratch[:0], records, seq)
	value, ok := view.Get(m.scratch)
	if !ok || isGone(value) {
		return nil, false
	}
	if r, ok := m.records.Take(seq, value); ok {
		return r, true
	}
	r := decodeRecord(value)
	if r.Block != 0 {
		m.Block(view, r.Block).fill(r, seq)
	}
	return r, true
}

// Block is like OpenBlock.
func (m *Recent) Block(view kv.View, last uint64) *Block {
	m.scratch = appendKey(m.scratch[:0], blocks, last)
	value, ok := view.Get(m.scratch)
	if !ok {
		pack.Fail("block %d is gone", last)
	}
	b, ok := m.blocks.Of(last, value)
	if !ok {
		value = bytes.Clone(value)
		b = readBlock(last, value)
		m.blocks.Add(last, value, b)
	}
	return b
}
