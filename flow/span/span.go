// Package span keeps sets of calls by their place in the order of arrival, as
// runs of neighbours: a batch of 4,096 calls is one entry, not 4,096.
package span

import (
	"encoding/binary"
	"iter"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
)

// Span is the calls First to Last. Block is 0 for a call with a record of its
// own; otherwise the calls have none yet, and Block is the block they are in.
//
// An entry's key ends with Last and its value holds First: calls are taken from
// the front of a span, which so rewrites one value and leaves no tombstone.
//
// Invariant: the spans below one prefix do not overlap, so that their order by
// Last is the order of their calls. A span with Block 0 that is kept holds one call.
type Span struct{ First, Last, Block uint64 }

// One is the span of a single call that has a record.
func One(seq uint64) Span { return Span{First: seq, Last: seq} }

// Len is the number of calls.
func (s Span) Len() uint64 { return s.Last - s.First + 1 }

// Key is where the span that ends with last stands below a prefix.
func Key(prefix []byte, last uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, len(prefix)+8), prefix...), last)
}

// Put adds a span, or gives the span that ends where this one does a new front.
func Put(tx kv.Tx, prefix []byte, s Span) {
	var value []byte
	if s.Block != 0 {
		value = binary.BigEndian.AppendUint64(make([]byte, 0, 16), s.First)
		value = binary.BigEndian.AppendUint64(value, s.Block)
	}
	tx.Set(Key(prefix, s.Last), value)
}

// Drop takes away the span of a single call.
func Drop(tx kv.Tx, prefix []byte, seq uint64) { tx.Delete(Key(prefix, seq)) }

// Cut takes one call out of a span that is in the set, which may leave two.
func Cut(tx kv.Tx, prefix []byte, s Span, seq uint64) {
	if seq == s.Last {
		tx.Delete(Key(prefix, s.Last))
	} else {
		Put(tx, prefix, Span{seq + 1, s.Last, s.Block})
	}
	if seq > s.First {
		Put(tx, prefix, Span{s.First, seq - 1, s.Block})
	}
}

// Find gives the span that holds a call.
func Find(view kv.View, prefix []byte, seq uint64) (Span, bool) {
	for s := range Ascend(view, prefix, seq) {
		return s, s.First <= seq
	}
	return Span{}, false
}

// Ascend gives the spans that end at from or later, in order. The first may
// begin before it.
func Ascend(view kv.View, prefix []byte, from uint64) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		for k, v := range view.Scan(Key(prefix, from), kv.PrefixEnd(prefix)) {
			if !yield(Read(k, v)) {
				return
			}
		}
	}
}

// Descend gives the spans that begin at from or earlier, last first, the first
// one cut off behind from.
func Descend(view kv.View, prefix []byte, from uint64) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		if s, ok := Find(view, prefix, from); ok {
			s.Last = from
			if !yield(s) {
				return
			}
		}
		for k, v := range view.ScanBack(prefix, Key(prefix, from)) {
			if !yield(Read(k, v)) {
				return
			}
		}
	}
}

// Read is the span that an entry holds.
func Read(key, value []byte) Span {
	last := binary.BigEndian.Uint64(key[len(key)-8:])
	if len(value) == 0 {
		return One(last)
	}
	r := pack.Reader{What: "span", Rest: value}
	return Span{First: r.Uint64(), Last: last, Block: r.Uint64()}
}
