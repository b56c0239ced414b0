package call

import (
	"encoding/binary"
	"slices"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Calls of a row are found by when their ids were made:
//
//	D/ milliseconds(8)   last(8) of each row that holds several calls whose ids were made then
//
// A key for each id would be a third of what the store is given for a call. Ids that
// tell no time, or of which a row has too few, have one: see rememberRow.
const madeAt = "D/"

const (
	several  = 4 // calls of a row, from which on it is listed
	mostRows = 8 // in one list: each may have to be looked through
)

// moment is when some calls of a row were made.
type moment struct {
	at     int64 // milliseconds
	calls  int
	listed bool // the row is in the list of this moment
}

// moments are when the calls of a row were made.
type moments []moment

func momentsOf(n int, id func(i int) messages.CallID) (all moments) {
	for i := range n {
		at, timed := id(i).Milliseconds()
		if !timed {
			continue
		}
		if m := all.find(at); m != nil {
			m.calls++
		} else {
			all = append(all, moment{at: at, calls: 1})
		}
	}
	return all
}

func (all moments) find(at int64) *moment {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].at == at {
			return &all[i]
		}
	}
	return nil
}

// has says that the row is listed for an id, which then has no key of its own.
func (all moments) has(id messages.CallID) bool {
	at, timed := id.Milliseconds()
	m := all.find(at)
	return timed && m != nil && m.listed
}

func momentKey(at int64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 10), madeAt...), uint64(at))
}

// list lists a row at the moments at which several of its calls were made. latest is
// when the latest id of all before was made: behind it there are no lists.
func (all moments) list(tx kv.Tx, last uint64, latest int64) {
	for i := range all {
		m := &all[i]
		if m.calls < several {
			continue
		}
		var before []byte
		if m.at <= latest {
			before, _ = tx.Get(momentKey(m.at))
		}
		if m.listed = len(before) < 8*mostRows; m.listed {
			value := append(make([]byte, 0, len(before)+8), before...)
			tx.Set(momentKey(m.at), binary.BigEndian.AppendUint64(value, last))
		}
	}
}

// lists looks where a row is listed.
func (all moments) lists(view kv.View, last uint64) {
	for i := range all {
		if m := &all[i]; m.calls >= several {
			value, _ := view.Get(momentKey(m.at))
			m.listed = slices.Contains(readList(value), last)
		}
	}
}

// unlist takes a row out of the lists it is in.
func (all moments) unlist(tx kv.Tx, last uint64) {
	for _, m := range all {
		if !m.listed {
			continue
		}
		before, _ := tx.Get(momentKey(m.at))
		var value []byte
		for _, other := range readList(before) {
			if other != last {
				value = binary.BigEndian.AppendUint64(value, other)
			}
		}
		if len(value) > 0 {
			tx.Set(momentKey(m.at), value)
		} else {
			tx.Delete(momentKey(m.at))
		}
	}
}

func readList(value []byte) (rows []uint64) {
	for r := (pack.Reader{What: "rows of a moment", Rest: value}); r.More(); {
		rows = append(rows, r.Uint64())
	}
	return rows
}

// findInRows looks for a call with one of count ids from first on, in the rows that
// are listed at the moment at which they were made.
func findInRows(view kv.View, first messages.CallID, count int) (Place, bool) {
	at, timed := first.Milliseconds()
	if !timed {
		return Place{}, false
	}
	value, _ := view.Get(momentKey(at))
	for _, last := range readList(value) {
		row := openRow(view, last)
		n := uint64(row[0])
		for i := range n {
			id := rowID(row, int(i))
			seq := last - n + 1 + i
			if id.At(0) == first.At(0) && id.Index() >= first.Index() && id.Index() < first.Index()+count && !gone(view, seq) {
				return Place{Seq: seq, Block: last, Row: true}, true
			}
		}
	}
	return Place{}, false
}

// openRow reads what the calls of a row do not have in common.
func openRow(view kv.View, last uint64) []byte {
	value, ok := view.Get(key(blocks, last))
	if !ok {
		pack.Fail("row %d is gone", last)
	}
	r := pack.Reader{What: "row", Rest: value}
	r.Uint() // when its calls expire: never
	r.Bytes(r.Uint())
	if !r.More() {
		pack.Fail("block %d is no row", last)
	}
	return r.Rest
}

// rowID is the id of a call of a row.
func rowID(row []byte, i int) messages.CallID {
	return messages.CallIDFrom(packed(row, i)[:len(messages.CallID{})])
}

// Strays gives how many rows are listed that are not there any more.
func Strays(view kv.View) (n int) {
	for _, v := range view.Scan([]byte(madeAt), kv.PrefixEnd([]byte(madeAt))) {
		for _, last := range readList(v) {
			if !HasBlock(view, last) {
				n++
			}
		}
	}
	return n
}
