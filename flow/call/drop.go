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

// Dropping is the block out of which calls are being dropped one after the
// other: it is read and counted once for all of them. Its zero value is ready.
type Dropping struct {
	*Block
	made  moments // of a row: when its calls were made
	calls uint64  // dropped so far
	ended int64   // when the latest of them ended
}

// Drop takes away all that is kept of an ended call. The calls of a block are
// forgotten together, with the last one, those of a row one by one: whole says that
// forgotten is to be remembered. What of is left with must be closed.
func Drop(tx kv.Tx, r *Record, of *Dropping) (forgotten Dropped, whole bool) {
	for _, prefix := range [...]string{results, outputs, arguments} {
		if has(r, prefix) {
			tx.Delete(key(prefix, r.Seq))
		}
	}
	if r.HasLog {
		dropLogs(tx, r.Seq)
	}
	if r.Block != 0 {
		return of.drop(tx, r)
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

func (d *Dropping) drop(tx kv.Tx, r *Record) (Dropped, bool) {
	if d.Block == nil || d.last != r.Block {
		d.Close(tx)
		d.open(tx, r.Block)
	}
	d.calls, d.ended = d.calls+1, max(d.ended, r.Finished)
	last := d.calls == d.Span().Len()
	whole := Dropped{messages.CallIDFrom(d.common.Id), uint32(d.calls), r.State, d.common.Content, d.ended}
	if d.row != nil { // its ids are forgotten one by one
		whole = Dropped{r.ID(), 1, r.State, r.Content, r.Finished}
	}
	if d.row != nil && !d.made.has(whole.First) || d.row == nil && last {
		tx.Delete(idKey(whole.First))
	}
	if !last {
		tx.Set(key(records, r.Seq), []byte{byte(r.State)})
		return whole, d.row != nil
	}
	d.forget(tx)
	d.made.unlist(tx, d.last)
	tx.Delete(key(droppedOf, r.Block))
	d.Block = nil
	return whole, true
}

func (d *Dropping) open(tx kv.Tx, last uint64) {
	*d = Dropping{Block: OpenBlock(tx, last)}
	if d.row != nil {
		d.made = momentsOf(int(d.row[0]), func(i int) messages.CallID { return rowID(d.row, i) })
		d.made.lists(tx, last)
	}
	if value, ok := tx.Get(key(droppedOf, last)); ok {
		before := pack.Reader{What: "how far a block has been dropped", Rest: value}
		d.calls, d.ended = before.Uint(), int64(before.Uint())
	}
}

// Close notes how far the block has been dropped.
func (d *Dropping) Close(tx kv.Tx) {
	if d.Block != nil {
		tx.Set(key(droppedOf, d.last), binary.AppendUvarint(binary.AppendUvarint(nil, d.calls), uint64(d.ended)))
	}
}

// forget takes a block away of which all calls were dropped.
func (b *Block) forget(tx kv.Tx) {
	all := b.Span()
	for seq := all.First; seq <= all.Last; seq++ {
		tx.Delete(key(records, seq))
	}
	for i := 0; b.row == nil && i < int(all.Len()); i += chunk {
		tx.Delete(chunkKey(b.last, i/chunk))
	}
	tx.Delete(key(blocks, b.last))
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
