package call

import (
	"encoding/binary"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// How far a block has been dropped:
//
//	R/b/ last(8)   calls dropped, when the latest of them ended
const droppedOf = "R/b/"

// A call that was dropped out of its block leaves its state where its record
// was: otherwise the block would give it a new record.
func isGone(value []byte) bool { return len(value) == 1 }

func gone(view kv.View, seq uint64) bool {
	value, ok := view.Get(key(records, seq))
	return ok && isGone(value)
}

// Dropped is what is remembered of calls that were dropped: of one, or of the
// calls of a block.
type Dropped struct {
	First   messages.CallID
	Count   uint32
	State   messages.CallState // of the one that was dropped last
	Content []byte
	Ended   int64 // microseconds: when the latest of them ended
}

// Drop takes away all that is kept of an ended call. The calls of a block are
// forgotten together, with the last one: whole says that this was it.
func Drop(tx kv.Tx, r *Record) (forgotten Dropped, whole bool) {
	for _, prefix := range [...]string{results, outputs, arguments} {
		if has(r, prefix) {
			tx.Delete(key(prefix, r.Seq))
		}
	}
	if r.Attempt > 0 {
		dropLogs(tx, r.Seq)
	}
	if r.Block != 0 {
		return dropFromBlock(tx, r)
	}
	tx.Delete(key(records, r.Seq))
	tx.Delete(idKey(r.ID()))
	return Dropped{r.ID(), 1, r.State, r.Content, r.Finished}, true
}

// has says whether a part of a call can be there: a deletion of what is not
// costs as much as one of what is.
func has(r *Record, part string) bool {
	switch part {
	case results:
		return r.HasResult && r.short == nil
	case outputs:
		return r.HasOutput
	}
	return r.Block == 0
}

func dropFromBlock(tx kv.Tx, r *Record) (Dropped, bool) {
	counter := key(droppedOf, r.Block)
	var n uint64
	ended := r.Finished
	if value, ok := tx.Get(counter); ok {
		before := pack.Reader{What: "how far a block has been dropped", Rest: value}
		n, ended = before.Uint(), max(ended, int64(before.Uint()))
	}
	n++
	b := OpenBlock(tx, r.Block)
	if n < b.Span().Len() {
		tx.Set(key(records, r.Seq), []byte{byte(r.State)})
		tx.Set(counter, binary.AppendUvarint(binary.AppendUvarint(nil, n), uint64(ended)))
		return Dropped{}, false
	}
	first := messages.CallIDFrom(b.common.Id)
	b.forget(tx, first)
	tx.Delete(counter)
	return Dropped{first, uint32(n), r.State, b.common.Content, ended}, true
}

// forget takes a block away of which all calls were dropped.
func (b *Block) forget(tx kv.Tx, first messages.CallID) {
	all := b.Span()
	for seq := all.First; seq <= all.Last; seq++ {
		tx.Delete(key(records, seq))
	}
	for i := 0; i < int(all.Len()); i += chunk {
		tx.Delete(chunkKey(b.last, i/chunk))
	}
	tx.Delete(key(blocks, b.last))
	tx.Delete(idKey(first))
}

// Gone gives how many calls were dropped out of blocks of which others are kept,
// recounted, and as their counters say.
func Gone(view kv.View) (recounted, counted uint64) {
	for _, v := range view.Scan([]byte(records), kv.PrefixEnd([]byte(records))) {
		if isGone(v) {
			recounted++
		}
	}
	for _, v := range view.Scan([]byte(droppedOf), kv.PrefixEnd([]byte(droppedOf))) {
		r := pack.Reader{What: "how far a block has been dropped", Rest: v}
		counted += r.Uint()
	}
	return recounted, counted
}
