// Package call keeps the records of calls: who they are, what became of them,
// and, apart from that, their arguments, results and logs.
package call

import (
	"encoding/binary"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Keys. A call's place in the partition's order of arrival (seq) names it in all
// of them, so that a list of calls in order is one scan of records:
//
//	c/ seq(8)              record: block, expires, protobuf Call, without what its block
//	                       says of it; of a call that was dropped out of its block: its
//	                       state
//	d/ id(16)              place of a call: seq(8); of a block: first seq(8) last seq(8); of a
//	                       call of a row: seq(8) last seq(8) 1
//	a/ seq(8)              arguments of a call that came alone: protobuf Arguments
//	b/ last seq(8)         a block: what its calls have in common; of a row, all of it
//	e/ last seq(8) n(2)    the n-th 64 arguments of another block
//	r/ seq(8)              result that is not short: that is in the record
//	o/ seq(8) attempt(4)   log of an attempt
//	u/ seq(8)              output
//
// The last four parts are apart from the record because the record is
// rewritten with each change of state, and they are not. A short result comes
// with the last change, and would cost more apart than in the record.
const (
	records   = "c/"
	ids       = "d/"
	arguments = "a/"
	blocks    = "b/"
	chunks    = "e/"
	results   = "r/"
	logs      = "o/"
	outputs   = "u/"
)

// Record is what is kept of a call. Arguments, result and log are not in it.
type Record struct {
	*messages.Call
	Block   uint64           // the block that its arguments are in; 0: they are its own
	Expires int64            // microseconds: not started by then, it expires; 0: never
	short   []byte           // its result, if that is kept here: not in Call, which is shown without
	blank   []messages.Event // for the next notes
}

// newRecord makes a record with all that most calls need until they end: in one
// piece, since each call has one.
func newRecord(id messages.CallID) *Record {
	r := &struct {
		record Record
		call   messages.Call
		id     messages.CallID
		events [3]*messages.Event // that it was received, began, and ended
		blank  [2]messages.Event  // the first of them is the block's
	}{id: id}
	r.record.Call, r.record.blank = &r.call, r.blank[:]
	r.call.Id, r.call.Events = r.id[:], r.events[:0]
	return &r.record
}

// ID is the call's id.
func (r *Record) ID() messages.CallID { return messages.CallIDFrom(r.Id) }

// Place says where a call is kept.
type Place struct {
	Seq   uint64
	Block uint64 // 0: it came alone
	Row   bool   // those of the block have ids of their own
}

// Batch is the last place of the batch that a call came in.
func (p Place) Batch() uint64 {
	if p.Block == 0 || p.Row {
		return p.Seq
	}
	return p.Block
}

func key(prefix string, seq uint64) []byte {
	return appendKey(make([]byte, 0, len(prefix)+10), prefix, seq)
}

func appendKey(b []byte, prefix string, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, prefix...), seq)
}

// appendRecord appends a record as it is kept.
func appendRecord(value []byte, r *Record) []byte {
	value = binary.AppendUvarint(value, r.Block)
	value = binary.AppendUvarint(value, uint64(r.Expires))
	r.Result = r.short
	value = appendCall(value, r.Call, r.Block != 0)
	r.Result = nil
	return value
}

// Get reads a record. A call of a block has none until it is taken out of it.
func Get(view kv.View, seq uint64) (*Record, bool) {
	value, ok := view.Get(key(records, seq))
	if !ok || isGone(value) {
		return nil, false
	}
	return (&opened{view: view}).record(seq, value), true
}

// ToDrop gives the records of ended calls, whose places are in order, as far as they
// are needed to drop them. Those that stand close together, as most do, are read on
// one way through.
func ToDrop(view kv.View, seqs []uint64) iter.Seq[*Record] {
	const spread = 4 // places for each call that is wanted
	blocks := opened{view: view}
	return func(yield func(*Record) bool) {
		if n := len(seqs); n < 2 || seqs[n-1]-seqs[0] > spread*uint64(n) {
			for _, seq := range seqs {
				value, ok := view.Get(key(records, seq))
				if !ok || isGone(value) {
					pack.Fail("call %d has no record", seq)
				}
				if !yield(blocks.fill(seq, decodeToDrop(value))) {
					return
				}
			}
			return
		}
		for k, value := range view.Scan(key(records, seqs[0]), key(records, seqs[len(seqs)-1]+1)) {
			if binary.BigEndian.Uint64(k[len(records):]) != seqs[0] {
				continue
			}
			if isGone(value) {
				break
			}
			if !yield(blocks.fill(seqs[0], decodeToDrop(value))) || len(seqs) == 1 {
				return
			}
			seqs = seqs[1:]
		}
		pack.Fail("call %d has no record", seqs[0])
	}
}

// decodeRecord reads what a record's value says.
func decodeRecord(value []byte) *Record {
	r := pack.Reader{What: "record of a call", Rest: value}
	rec := &Record{Call: new(messages.Call), Block: r.Uint(), Expires: int64(r.Uint())}
	decode(r.Rest, rec.Call, "record of a call")
	rec.short, rec.Result = rec.Result, nil
	return rec
}

// At reads the record at a place, or makes the one that a call still in its
// block would have. One that was dropped out of its block has its state only.
func At(view kv.View, p Place) *Record {
	value, ok := view.Get(key(records, p.Seq))
	if ok && !isGone(value) {
		return (&opened{view: view}).record(p.Seq, value)
	}
	if p.Block == 0 {
		pack.Fail("call %d has no record", p.Seq)
	}
	rec, _ := OpenBlock(view, p.Block).Call(view, p.Seq)
	if ok {
		rec.State = messages.CallState(value[0])
	}
	return rec
}

func decode(value []byte, into proto.Message, what string) {
	if err := proto.Unmarshal(value, into); err != nil {
		pack.Fail("decode %s: %v", what, err)
	}
}
