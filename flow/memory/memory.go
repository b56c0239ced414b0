// Package memory keeps the ids of calls that were dropped for as long as the
// same id, sent again, must not become another call.
package memory

import (
	"encoding/binary"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Keys:
//
//	R/i/ id(16)            count, state, content: the calls from id on
//	R/o/ until(8) id(16)   empty: until when it is remembered
const (
	ids   = "R/i/"
	order = "R/o/"
)

func idKey(id messages.CallID) []byte {
	return append(append(make([]byte, 0, len(ids)+len(id)), ids...), id[:]...)
}

func orderKey(until int64, id messages.CallID) []byte {
	return append(binary.BigEndian.AppendUint64([]byte(order), uint64(until)), id[:]...)
}

// Keep remembers calls until a time, microseconds.
func Keep(tx kv.Tx, d call.Dropped, until int64) {
	value := append(binary.AppendUvarint(nil, uint64(d.Count)), byte(d.State))
	tx.Set(idKey(d.First), append(value, d.Content...))
	tx.Set(orderKey(until, d.First), []byte{})
}

// Find gives the dropped calls that an id belongs to.
func Find(view kv.View, id messages.CallID) (call.Dropped, bool) {
	if value, ok := view.Get(idKey(id)); ok {
		return read(id, value), true
	}
	for k, value := range view.ScanBack(idKey(id.At(0)), idKey(id)) {
		d := read(messages.CallIDFrom(k[len(ids):]), value)
		return d, id.Index()-d.First.Index() < int(d.Count)
	}
	return call.Dropped{}, false
}

// FindAny gives the dropped calls that one of count ids from first on belongs to.
func FindAny(view kv.View, first messages.CallID, count int) (call.Dropped, bool) {
	if d, ok := Find(view, first); ok {
		return d, true
	}
	for k, value := range view.Scan(idKey(first), append(idKey(first.At(first.Index()+count-1)), 0)) {
		return read(messages.CallIDFrom(k[len(ids):]), value), true
	}
	return call.Dropped{}, false
}

func read(first messages.CallID, value []byte) call.Dropped {
	r := pack.Reader{What: "what is remembered of a call", Rest: value}
	return call.Dropped{First: first, Count: uint32(r.Uint()), State: messages.CallState(r.Bytes(1)[0]), Content: r.Rest}
}

// Forget forgets up to limit ids whose time is over. It gives how many, and when
// the next is due; 0: there is none.
func Forget(tx kv.Tx, from, now int64, limit int) (done int, next int64) {
	var due [][]byte
	for k := range tx.Scan(binary.BigEndian.AppendUint64([]byte(order), uint64(from)), kv.PrefixEnd([]byte(order))) {
		until := int64(binary.BigEndian.Uint64(k[len(order):]))
		if until > now || len(due) == limit {
			next = until
			break
		}
		due = append(due, append([]byte(nil), k...))
	}
	for _, k := range due {
		tx.Delete(idKey(messages.CallIDFrom(k[len(order)+8:])))
		tx.Delete(k)
	}
	return len(due), next
}

// Count gives how many entries are remembered, by id and by time.
func Count(view kv.View) (byID, byTime uint64) {
	for range view.Scan([]byte(ids), kv.PrefixEnd([]byte(ids))) {
		byID++
	}
	for range view.Scan([]byte(order), kv.PrefixEnd([]byte(order))) {
		byTime++
	}
	return byID, byTime
}
