package peer

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/elasticcode/flow/messages"
)

// MaxBody is the largest body of a request, an answer or a message.
const MaxBody = 8 << 20

// Kind says which handler a request or a message is for.
type Kind uint16

// form is what a frame is.
type form byte

const (
	formRequest form = 1
	formCancel  form = 2 // whoever asked has gone
	formMessage form = 3 // one-way
	formAnswer  form = 4
	formError   form = 5 // an answer; the body is messages.ErrorInfo
)

// frame is one unit on a message connection. On the wire, big-endian: length
// of what follows (4), form (1), kind (2), id (8), body.
type frame struct {
	form form
	kind Kind
	id   uint64 // matches an answer to its request
	body []byte
}

const headSize = 1 + 2 + 8

func (f frame) size() int { return 4 + headSize + len(f.body) }

func (f frame) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(headSize+len(f.body)))
	b = append(b, byte(f.form))
	b = binary.BigEndian.AppendUint16(b, uint16(f.kind))
	b = binary.BigEndian.AppendUint64(b, f.id)
	return append(b, f.body...)
}

// readFrame reads one frame; its body belongs to the caller.
func readFrame(r *bufio.Reader) (frame, error) {
	var head [4 + headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size < headSize || size > headSize+MaxBody {
		return frame{}, fmt.Errorf("read frame: a length of %d bytes is out of bounds", size)
	}
	f := frame{
		form: form(head[4]),
		kind: Kind(binary.BigEndian.Uint16(head[5:])),
		id:   binary.BigEndian.Uint64(head[7:]),
		body: make([]byte, size-headSize),
	}
	_, err := io.ReadFull(r, f.body)
	return f, err
}

// gather gives a frame, and those of its form and kind that came with it.
func gather(r *bufio.Reader, first frame) []frame {
	all := []frame{first}
	for len(all) < maxTogether && waits(r, first) {
		f, err := readFrame(r)
		if err != nil {
			break
		}
		all = append(all, f)
	}
	return all
}

// waits says whether a whole frame like another one has been received.
func waits(r *bufio.Reader, like frame) bool {
	if r.Buffered() < 4+headSize {
		return false
	}
	head, _ := r.Peek(4 + headSize)
	size := uint64(binary.BigEndian.Uint32(head))
	return size >= headSize && uint64(r.Buffered()) >= 4+size && form(head[4]) == like.form && Kind(binary.BigEndian.Uint16(head[5:])) == like.kind
}

func checkBody(op string, to messages.NodeID, body []byte) error {
	if len(body) > MaxBody {
		return unsent{messages.Errorf(messages.Exhausted, op, string(to), "%d bytes are over the limit of %d", len(body), MaxBody)}
	}
	return nil
}
