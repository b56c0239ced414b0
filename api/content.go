package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/elasticcode/flow/messages"
)

const (
	contentBytes = 16  // of a hash of the content go along with a call
	shortContent = 512 // bytes, as most calls have, are hashed in one go, which makes no garbage
)

// contentOf tells calls with the same key apart: a hash over the socket and the
// arguments, each with its length before it, so that none can pass for another.
func contentOf(socket string, calls ...*messages.Arguments) []byte {
	size := len(socket)
	for _, args := range calls {
		size += args.Inline()
	}
	if size > shortContent {
		h := sha256.New()
		number := func(n int) { h.Write(binary.AppendUvarint(nil, uint64(n))) }
		tellContent(socket, calls, number, func(b []byte) { number(len(b)); h.Write(b) })
		return h.Sum(nil)[:contentBytes]
	}
	all := make([]byte, 0, 2*shortContent) // with the lengths
	number := func(n int) { all = binary.AppendUvarint(all, uint64(n)) }
	tellContent(socket, calls, number, func(b []byte) { number(len(b)); all = append(all, b...) })
	h := sha256.Sum256(all)
	return bytes.Clone(h[:contentBytes])
}

func tellContent(socket string, calls []*messages.Arguments, number func(int), text func([]byte)) {
	text([]byte(socket))
	for _, args := range calls {
		number(len(args.Positional))
		for _, value := range args.Positional {
			text(value)
		}
		number(len(args.Named))
		for _, n := range args.Named {
			text([]byte(n.Name))
			text(n.Value)
		}
	}
}
