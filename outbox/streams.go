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

// PendingTo gives what one destination has not acknowledged, in order.
func PendingTo(view kv.View, to messages.GroupID) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		stream := group(out, to)
		for k, v := range view.Scan(stream, kv.PrefixEnd(stream)) {
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
