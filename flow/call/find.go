package call

import (
	"encoding/binary"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// inRow marks the places of calls of a row: their ids do not follow on.
const inRow = 1

func idKey(id messages.CallID) []byte {
	return append(append(make([]byte, 0, len(ids)+len(id)), ids...), id[:]...)
}

// Remember notes where a call that came alone is kept.
func Remember(tx kv.Tx, id messages.CallID, seq uint64) {
	tx.Set(idKey(id), binary.BigEndian.AppendUint64(nil, seq))
}

// RememberBlock notes where the calls of a block are kept, whose ids follow on
// from first's.
func RememberBlock(tx kv.Tx, first messages.CallID, seq, last uint64) {
	value := binary.BigEndian.AppendUint64(make([]byte, 0, 16), seq)
	tx.Set(idKey(first), binary.BigEndian.AppendUint64(value, last))
}

// rememberRow notes where a call of a row is kept that is not found by when it was made.
func rememberRow(tx kv.Tx, id messages.CallID, seq, last uint64) {
	value := binary.BigEndian.AppendUint64(make([]byte, 0, 17), seq)
	tx.Set(idKey(id), append(binary.BigEndian.AppendUint64(value, last), inRow))
}

// Find says where the call with an id is kept.
func Find(view kv.View, id messages.CallID) (Place, bool) {
	p, ok := Known(view, id)
	return p, ok && !(p.Block != 0 && gone(view, p.Seq))
}

// Known is like Find, and knows those too that were dropped out of a block of
// which others are kept.
func Known(view kv.View, id messages.CallID) (Place, bool) {
	if value, ok := view.Get(idKey(id)); ok {
		p, _ := readPlace(value)
		return p, true
	}
	if p, ok := findInRows(view, id, 1); ok {
		return p, true
	}
	return findInBlock(view, id)
}

// findInBlock looks for the block whose range of ids holds id: the one that
// begins closest before it.
func findInBlock(view kv.View, id messages.CallID) (Place, bool) {
	if id.Index() == 0 {
		return Place{}, false
	}
	for k, value := range view.ScanBack(idKey(id.At(0)), idKey(id)) {
		p, count := readPlace(value)
		offset := uint64(id.Index() - messages.CallIDFrom(k[len(ids):]).Index())
		if offset >= count {
			return Place{}, false
		}
		return Place{Seq: p.Seq + offset, Block: p.Block}, true
	}
	return Place{}, false
}

// Taken says whether any of count ids from first on is known, and where.
func Taken(view kv.View, first messages.CallID, count int) (Place, bool) {
	if p, ok := Known(view, first); ok {
		return p, true
	}
	for k, value := range view.Scan(idKey(first), append(idKey(first.At(first.Index()+count-1)), 0)) {
		_ = k
		p, _ := readPlace(value)
		return p, true
	}
	return findInRows(view, first, count)
}

func readPlace(value []byte) (p Place, count uint64) {
	r := pack.Reader{What: "place of a call", Rest: value}
	p.Seq, count = r.Uint64(), 1
	if r.More() {
		p.Block = r.Uint64()
		if p.Row = r.More(); !p.Row {
			count = p.Block - p.Seq + 1
		}
	}
	return p, count
}
