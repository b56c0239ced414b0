package call

import (
	"encoding/binary"
	"iter"
	"math"

	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/kv"
)

// Last is behind every place.
const Last uint64 = math.MaxUint64

// Descend gives all calls of the partition that arrived at a place or before
// it, latest first: those with a record one by one, those still in their block
// as spans.
func Descend(view kv.View, from uint64) iter.Seq[span.Span] {
	return func(yield func(span.Span) bool) {
		next, stop := iter.Pull(blocksDown(view, from))
		defer stop()
		b, more := next()
		for k, v := range view.ScanBack([]byte(records), upTo(from)) {
			seq := seqOf(k)
			for more && b.First > seq {
				if !yield(b) {
					return
				}
				b, more = next()
			}
			if more && seq <= b.Last {
				if seq < b.Last && !yield(span.Span{First: seq + 1, Last: b.Last, Block: b.Block}) {
					return
				}
				if b.Last = seq - 1; seq == b.First {
					b, more = next()
				}
			}
			if !isGone(v) && !yield(span.One(seq)) {
				return
			}
		}
		for ; more; b, more = next() {
			if !yield(b) {
				return
			}
		}
	}
}

// Ascend is like Descend, from a place on, earliest first.
func Ascend(view kv.View, from uint64) iter.Seq[span.Span] {
	return func(yield func(span.Span) bool) {
		next, stop := iter.Pull(blocksUp(view, from))
		defer stop()
		b, more := next()
		for k, v := range view.Scan(key(records, from), kv.PrefixEnd([]byte(records))) {
			seq := seqOf(k)
			for more && b.Last < seq {
				if !yield(b) {
					return
				}
				b, more = next()
			}
			if more && b.First <= seq {
				if b.First < seq && !yield(span.Span{First: b.First, Last: seq - 1, Block: b.Block}) {
					return
				}
				if b.First = seq + 1; seq == b.Last {
					b, more = next()
				}
			}
			if !isGone(v) && !yield(span.One(seq)) {
				return
			}
		}
		for ; more; b, more = next() {
			if !yield(b) {
				return
			}
		}
	}
}

func seqOf(k []byte) uint64 { return binary.BigEndian.Uint64(k[len(k)-8:]) }

// upTo is the key behind the record of a place.
func upTo(seq uint64) []byte {
	if seq == Last {
		return kv.PrefixEnd([]byte(records))
	}
	return key(records, seq+1)
}

// blocksDown gives what lies at from or before it of the blocks, latest first.
func blocksDown(view kv.View, from uint64) iter.Seq[span.Span] {
	return func(yield func(span.Span) bool) {
		for k, v := range view.Scan(key(blocks, from), kv.PrefixEnd([]byte(blocks))) {
			b := readBlock(seqOf(k), v).Span()
			if b.First <= from {
				b.Last = from
				if !yield(b) {
					return
				}
			}
			break
		}
		for k, v := range view.ScanBack([]byte(blocks), key(blocks, from)) {
			if !yield(readBlock(seqOf(k), v).Span()) {
				return
			}
		}
	}
}

// blocksUp gives what lies at from or behind it of the blocks, earliest first.
func blocksUp(view kv.View, from uint64) iter.Seq[span.Span] {
	return func(yield func(span.Span) bool) {
		for k, v := range view.Scan(key(blocks, from), kv.PrefixEnd([]byte(blocks))) {
			b := readBlock(seqOf(k), v).Span()
			b.First = max(b.First, from)
			if !yield(b) {
				return
			}
		}
	}
}

// Ended gives the records of the calls from one place to another that have ended,
// in order, of which wanted says yes; nil for one that was dropped out of its block.
// The others' are not decoded: whoever waits for a batch comes by again and again.
func Ended(view kv.View, first, last uint64, wanted func(seq uint64) bool) iter.Seq[*Record] {
	blocks := opened{view: view}
	return func(yield func(*Record) bool) {
		for k, v := range view.Scan(key(records, first), upTo(last)) {
			if !wanted(seqOf(k)) || !isGone(v) && roll.Of(stateOf(v)) == roll.Open {
				continue
			}
			var rec *Record
			if !isGone(v) {
				rec = blocks.record(seqOf(k), v)
			}
			if !yield(rec) {
				return
			}
		}
	}
}
