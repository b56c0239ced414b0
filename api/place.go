package api

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/elasticcode/flow/messages"
)

// places says, for each partition, after which of its calls a page ended. A
// partition that is not there begins at its first.
type places map[messages.GroupID]string

// encodePlaces writes a page token: group, length and place, for each group.
func encodePlaces(p places) string {
	var b []byte
	for group := range messages.MaxPartition + 1 {
		if place, ok := p[group]; ok {
			b = binary.AppendUvarint(b, uint64(group))
			b = binary.AppendUvarint(b, uint64(len(place)))
			b = append(b, place...)
		}
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodePlaces reads a page token.
func decodePlaces(op, token string) (places, error) {
	refused := messages.Errorf(messages.Invalid, op, "calls", "the page token was not given out by this API")
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, refused
	}
	p := places{}
	for len(b) > 0 {
		group, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, refused
		}
		b = b[n:]
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, refused
		}
		p[messages.GroupID(group)] = string(b[n : n+int(size)])
		b = b[n+int(size):]
	}
	return p, nil
}
