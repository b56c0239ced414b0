package gate

import (
	"encoding/binary"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Arrivals that wait no more and are part of no call, in the order in which they
// ended:
//
//	R/d/ ended(8) seq(8)   empty
const endedOf = "R/d/"

func endedKey(a *messages.Arrival) []byte {
	k := binary.BigEndian.AppendUint64([]byte(endedOf), uint64(a.Ended))
	return binary.BigEndian.AppendUint64(k, a.Seq)
}

// PutEnded lists an arrival that has died or was cancelled.
func PutEnded(tx kv.Tx, a *messages.Arrival) { tx.Set(endedKey(a), []byte{}) }

// DropEnded takes it off that list.
func DropEnded(tx kv.Tx, a *messages.Arrival) { tx.Delete(endedKey(a)) }

// Drop takes away all that is kept of an arrival that waits no more.
func Drop(tx kv.Tx, a *messages.Arrival) {
	tx.Delete(arrivalKey(a.Seq))
	tx.Delete(idKey(messages.CallIDFrom(a.Id)))
}

// Ended gives up to limit of the arrivals that ended up to a time, and the first
// least whenever they ended; and when the first that is left ended, 0: there is none.
func Ended(view kv.View, until int64, least, limit int) (due []*messages.Arrival, next int64) {
	for k := range view.Scan([]byte(endedOf), kv.PrefixEnd([]byte(endedOf))) {
		ended := int64(binary.BigEndian.Uint64(k[len(endedOf):]))
		if len(due) == limit || len(due) >= least && ended > until {
			return due, ended
		}
		due = append(due, Get(view, binary.BigEndian.Uint64(k[len(k)-8:])))
	}
	return due, 0
}

// CountEnded gives how many are listed.
func CountEnded(view kv.View) (n uint64) {
	for range view.Scan([]byte(endedOf), kv.PrefixEnd([]byte(endedOf))) {
		n++
	}
	return n
}
