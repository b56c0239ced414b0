package peer

import (
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// maxTold is how many answers wait to be encoded for one connection.
const maxTold = maxHandlers

// told is an answer that whoever writes to the connection encodes: whoever gives it
// may hold locks that others wait for.
type told struct {
	to      messages.NodeID
	kind    Kind
	id      uint64
	message proto.Message
	err     error
}

// tell leaves an answer to the writer. It refuses when too many wait already.
func (q *queue) tell(t told) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.told) >= maxTold {
		return messages.Errorf(messages.Exhausted, "send", "", "%d answers wait for the peer already", len(q.told))
	}
	q.told = append(q.told, t)
	q.signal()
	return nil
}

// append encodes the answer as a frame.
func (t told) append(b []byte) []byte {
	begin := len(b)
	b = frame{form: formAnswer, kind: t.kind, id: t.id}.append(b)
	body, err := len(b), t.err
	if err == nil {
		b, err = proto.MarshalOptions{}.MarshalAppend(b, t.message)
	}
	if err == nil {
		err = checkBody("answer node", t.to, b[body:])
	}
	if err != nil {
		return frame{form: formError, kind: t.kind, id: t.id, body: encodeError(err)}.append(b[:begin])
	}
	binary.BigEndian.PutUint32(b[begin:], uint32(len(b)-begin-4))
	return b
}
