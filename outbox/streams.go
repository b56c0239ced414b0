package outbox

import (
	"encoding/binary"
	"iter"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Numbers gives the last number given out to each destination, by destination.
func Numbers(view kv.View) iter.Seq2[messages.GroupID, uint64] {
	return func(yield func(messages.GroupID, uint64) bool) {
		for k, v := range view.Scan([]byte(last), kv.PrefixEnd([]byte(last))) {
			if !yield(messages.GroupID(binary.BigEndian.Uint32(k[len(last):])), binary.BigEndian.Uint64(v)) {
				return
			}
		}
	}
}

// Bounds of one delivery: it must fit a log entry together with others.
const (
	maxParcels     = 256
	maxParcelBytes = 256 << 10
)

// Pack makes a delivery of messages of one stream that follow on each other: of
// as many of them as it holds, at least one. It gives the last one's number.
func Pack(from messages.GroupID, batch []Message) (d *messages.Deliver, last uint64) {
	first := batch[0]
	d = &messages.Deliver{From: uint32(from), Seq: first.Seq, Type: uint32(first.Command.Type), Command: first.Command.Body}
	last = first.Seq
	bytes := len(first.Command.Body)
	for _, m := range batch[1:] {
		if bytes += len(m.Command.Body); bytes > maxParcelBytes || len(d.More) == maxParcels-1 || m.Seq != last+1 {
			break
		}
		d.More = append(d.More, &messages.Parcel{Type: uint32(m.Command.Type), Command: m.Command.Body})
		last = m.Seq
	}
	return d, last
}

// Unpack gives the messages of a delivery, in order.
func Unpack(d *messages.Deliver) []Message {
	all := []Message{{Seq: d.Seq, Command: messages.Command{Type: messages.CommandType(d.Type), Body: d.Command}}}
	for i, p := range d.More {
		all = append(all, Message{Seq: d.Seq + uint64(i) + 1, Command: messages.Command{Type: messages.CommandType(p.Type), Body: p.Command}})
	}
	return all
}

// PendingTo gives what one destination has not acknowledged, in order.
func PendingTo(view kv.View, to messages.GroupID) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		stream := group(out, to)
		for k, v := range view.Scan(messageKey(to, AcknowledgedTo(view, to)+1), kv.PrefixEnd(stream)) {
			m := Message{
				To:  to,
				Seq: binary.BigEndian.Uint64(k[len(stream):]),
				Command: messages.Command{
					Type: messages.CommandType(binary.BigEndian.Uint16(v)),
					Body: append([]byte(nil), v[2:]...),
				},
			}
			if !yield(m) {
				return
			}
		}
	}
}
