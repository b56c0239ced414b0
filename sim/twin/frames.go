package twin

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/elasticcode/flow/messages"
)

// The worker's side of the pipe protocol, which worker/frame.go and
// python/runner.py have, too.
const (
	frameReady = 1
	frameBegun = 2
	frameDone  = 3
)

// request is a call as a worker reads it.
type request struct {
	seq       uint64
	attempt   uint32
	call      string
	function  string
	arguments *messages.Arguments
}

// readRequest reads one frame with a call.
func readRequest(r io.Reader) (q request, err error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return q, err
	}
	body := make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(r, body); err != nil {
		return q, err
	}
	const head = 1 + 8 + 4 + 36 + 36 + 4*2
	if len(body) < head {
		return q, fmt.Errorf("a request of %d bytes", len(body))
	}
	q.seq = binary.BigEndian.Uint64(body[1:])
	q.attempt = binary.BigEndian.Uint32(body[9:])
	q.call = string(body[13:49])
	size := func(i int) int { return int(binary.BigEndian.Uint16(body[head-8+2*i:])) }
	t := texts{rest: body[head:]}
	q.function = string(t.take(size(0)))
	t.take(size(1)) // the socket's name
	q.arguments = &messages.Arguments{}
	for range size(2) {
		q.arguments.Positional = append(q.arguments.Positional, t.next())
	}
	for range size(3) {
		q.arguments.Named = append(q.arguments.Named, &messages.NamedValue{Name: string(t.next()), Value: t.next()})
	}
	return q, t.err
}

// texts are read one behind the other. After the first error all are empty.
type texts struct {
	rest []byte
	err  error
}

func (t *texts) take(n int) []byte {
	if n > len(t.rest) {
		t.rest, t.err = nil, errShort
		return nil
	}
	text := t.rest[:n:n]
	t.rest = t.rest[n:]
	return text
}

func (t *texts) next() []byte {
	length := t.take(4)
	if length == nil {
		return nil
	}
	return t.take(int(binary.BigEndian.Uint32(length)))
}

func readyFrame() []byte { return frame(frameReady, nil) }

func begunFrame(seq uint64) []byte {
	return frame(frameBegun, binary.BigEndian.AppendUint64(nil, seq))
}

// doneFrame encodes how a call ended; times are microseconds since 1970.
func doneFrame(seq uint64, outcome messages.Outcome, result []byte, f *messages.Failure, started, ended int64) []byte {
	b := binary.BigEndian.AppendUint64(nil, seq)
	b = append(b, byte(outcome))
	b = binary.BigEndian.AppendUint64(b, uint64(started))
	b = binary.BigEndian.AppendUint64(b, uint64(ended))
	parts := [7][]byte{result, nil, []byte(f.GetType()), []byte(f.GetMessage()), []byte(f.GetTraceback())}
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
	}
	for _, p := range parts {
		b = append(b, p...)
	}
	return frame(frameDone, b)
}

func frame(kind byte, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(1+len(body)))
	return append(append(b, kind), body...)
}
