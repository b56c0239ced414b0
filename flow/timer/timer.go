// Package timer keeps what is to happen at a time as a range of keys in the
// order of that time.
package timer

import (
	"encoding/binary"
	"math"

	"github.com/elasticcode/flow/kv"
)

// Keys, all below "t/":
//
//	t/ at(8) kind(1) target   value: what the kind keeps there
const prefix = "t/"

// Never is later than every timer.
const Never = math.MaxInt64

// Kind says what happens when a timer fires.
type Kind byte

const (
	Retry       Kind = 1 // a call has waited for its retry; target: its place
	Expire      Kind = 2 // a call has not started in time; target: its place
	ExpireBlock Kind = 3 // the calls of a block that have not started; target: the block
	Drain       Kind = 4 // a socket removed by force goes on cancelling; target: its number, value: from which place
	Dispatch    Kind = 5 // a processor goes on leasing; target: its id
	Leave       Kind = 6 // an arrival has waited at its gate for too long; target: its place
	Tend        Kind = 7 // a gate goes on after its socket was configured; target: the socket's number
	Pace        Kind = 8 // a socket has rested as its rate limit asks; target: its number
	AllPace     Kind = 9 // a processor has; target: its id

	DropValue Kind = 19 // nothing has named a large value for long enough; target: its hash
	Sweep     Kind = 15 // a socket looks for ended calls to drop; target: its number
	Forget    Kind = 16 // ids of calls that were dropped are forgotten
	Clear     Kind = 17 // arrivals that have died are dropped
)

// Timer is one entry.
type Timer struct {
	At     int64 // microseconds
	Kind   Kind
	Target string
	Value  []byte
}

// Seq is the target of a timer that is set for a place in the order of arrival.
func Seq(seq uint64) string { return string(binary.BigEndian.AppendUint64(nil, seq)) }

// Number reads a target that Seq made.
func (t Timer) Number() uint64 { return binary.BigEndian.Uint64([]byte(t.Target)) }

// DrainFrom is the timer of a socket that goes on cancelling its calls from a
// place on.
func DrainFrom(at int64, socket uint32, from uint64) Timer {
	return Timer{At: at, Kind: Drain, Target: Seq(uint64(socket)), Value: []byte(Seq(from))}
}

// From is the place from which DrainFrom said to go on.
func (t Timer) From() uint64 { return binary.BigEndian.Uint64(t.Value) }

// Set adds a timer. The same timer set twice is one.
func Set(tx kv.Tx, t Timer) { tx.Set(key(t), t.Value) }

// Drop takes a timer away.
func Drop(tx kv.Tx, t Timer) { tx.Delete(key(t)) }

// IsSet says whether a timer is there.
func IsSet(view kv.View, t Timer) bool {
	_, ok := view.Get(key(t))
	return ok
}

func key(t Timer) []byte {
	return append(append(at(t.At), byte(t.Kind)), t.Target...)
}

func at(micros int64) []byte {
	return binary.BigEndian.AppendUint64([]byte(prefix), uint64(micros))
}

// Due gives up to limit timers that are set for from to now, in order, and the
// time of the first that is left; Never if there is none.
func Due(view kv.View, from, now int64, limit int) (due []Timer, next int64) {
	for k, v := range view.Scan(at(from), kv.PrefixEnd([]byte(prefix))) {
		t := read(k, v)
		if t.At > now || len(due) == limit {
			return due, t.At
		}
		due = append(due, t)
	}
	return due, Never
}

// All gives every timer.
func All(view kv.View) []Timer {
	due, _ := Due(view, 0, Never, math.MaxInt)
	return due
}

func read(k, v []byte) Timer {
	k = k[len(prefix):]
	return Timer{int64(binary.BigEndian.Uint64(k)), Kind(k[8]), string(k[9:]), append([]byte(nil), v...)}
}
