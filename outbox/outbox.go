// Package outbox keeps the messages of one group to others inside its state:
// one ordered stream per pair of groups. The sender keeps a message until the
// receiver has applied it; the receiver keeps the last number it applied, so
// that each message counts once, however often it is sent.
package outbox

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// Keys, all below "x/":
//
//	x/o/ to(4) seq(8)  a message: type(2) body
//	x/n/ to(4)         the last number given out to a destination: seq(8)
//	x/a/ to(4)         the last number that a destination has applied: seq(8)
//	x/i/ from(4)       the last number applied from a source: seq(8)
const (
	out   = "x/o/"
	last  = "x/n/"
	acked = "x/a/"
	in    = "x/i/"
)

func group(prefix string, g messages.GroupID) []byte {
	return binary.BigEndian.AppendUint32([]byte(prefix), uint32(g))
}

func number(view kv.View, key []byte) uint64 {
	if v, ok := view.Get(key); ok {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func setNumber(tx kv.Tx, key []byte, n uint64) {
	tx.Set(key, binary.BigEndian.AppendUint64(nil, n))
}

// Message is one entry of a stream.
type Message struct {
	To      messages.GroupID
	Seq     uint64
	Command messages.Command
}

// Put appends a command to the stream to a group, and gives its number.
func Put(tx kv.Tx, to messages.GroupID, c messages.Command) uint64 {
	seq := number(tx, group(last, to)) + 1
	setNumber(tx, group(last, to), seq)
	value := binary.BigEndian.AppendUint16(nil, uint16(c.Type))
	tx.Set(messageKey(to, seq), append(value, c.Body...))
	return seq
}

// IsMessage says whether a key of a group's state is that of a message.
func IsMessage(key []byte) bool { return bytes.HasPrefix(key, []byte(out)) }

// Pending gives what has not been acknowledged, by destination, then in order.
func Pending(view kv.View) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		for to := range Numbers(view) {
			for m := range PendingTo(view, to) {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// Last is the number of the last message put for a destination; 0: none yet.
// Who waits until it is acknowledged has waited for all that came before.
func Last(view kv.View, to messages.GroupID) uint64 { return number(view, group(last, to)) }

// Acknowledged says whether a destination has applied a message.
func Acknowledged(view kv.View, to messages.GroupID, seq uint64) bool {
	return seq <= AcknowledgedTo(view, to)
}

// AcknowledgedTo is the number of the last message that a destination has applied,
// with all that came before; 0: none.
func AcknowledgedTo(view kv.View, to messages.GroupID) uint64 { return number(view, group(acked, to)) }

// Drop forgets the messages to a group up to and including seq, as far as there
// are such. It looks only at those that it drops: a store has long to look where
// much was deleted lately.
func Drop(tx kv.Tx, to messages.GroupID, seq uint64) {
	from, seq := AcknowledgedTo(tx, to), min(seq, Last(tx, to))
	if seq <= from {
		return
	}
	for dropped := from + 1; dropped <= seq; dropped++ {
		tx.Delete(messageKey(to, dropped))
	}
	setNumber(tx, group(acked, to), seq)
}

func messageKey(to messages.GroupID, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(group(out, to), seq)
}

// Accepted says whether a message was applied before.
func Accepted(view kv.View, from messages.GroupID, seq uint64) bool {
	return seq <= number(view, group(in, from))
}

// Accept says whether a message is the next of its stream, and counts it if so.
// fresh false and no error: it was applied before.
func Accept(tx kv.Tx, from messages.GroupID, seq uint64) (fresh bool, err error) {
	applied := number(tx, group(in, from))
	if seq <= applied && plant.On(plant.RepeatedMessage) {
		return true, nil
	}
	if seq <= applied {
		return false, nil
	}
	if seq != applied+1 {
		return false, fmt.Errorf("accept message %d from group %d: %d is the last applied", seq, from, applied)
	}
	setNumber(tx, group(in, from), seq)
	return true, nil
}
