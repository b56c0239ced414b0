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
	all := frame{form: formAnswer, kind: t.kind, id: t.id}.append(b)
	body, err := len(all), t.err
	if err == nil {
		all, err = proto.MarshalOptions{}.MarshalAppend(all, t.message)
	}
	if err == nil {
		err = checkBody("answer node", t.to, all[body:])
	}
	if err != nil {
		return frame{form: formError, kind: t.kind, id: t.id, body: encodeError(err)}.append(b)
	}
	binary.BigEndian.PutUint32(all[len(b):], uint32(len(all)-len(b)-4))
	return all
}
