package processor

import (
	"encoding/binary"
	"slices"

	"github.com/elasticcode/flow/flow/pack"
)

// A turn is worth one unit; a call costs one, and one more for each unitBytes
// of its arguments.
const (
	quantum   = 1
	unitBytes = 64 << 10
)

// Turns is the ring of sockets that have a call to lease now. They take turns by
// deficit round robin: the first leases until its deficit is used up, then gets
// a new one and goes to the end. What a call cost too much is carried over, so
// that large calls do not crowd out small ones.
type Turns struct{ ring []turn }

type turn struct {
	socket  uint32
	deficit int64
}

// Any says whether a socket has a call to lease.
func (t *Turns) Any() bool { return len(t.ring) > 0 }

// Sockets gives the numbers of the sockets in the ring, the next one first.
func (t *Turns) Sockets() (all []uint32) {
	for _, s := range t.ring {
		all = append(all, s.socket)
	}
	return all
}

// Join puts a socket at the end, unless it is there already.
func (t *Turns) Join(socket uint32) {
	if t.index(socket) < 0 {
		t.ring = append(t.ring, turn{socket, quantum})
	}
}

// Leave takes a socket out.
func (t *Turns) Leave(socket uint32) {
	if i := t.index(socket); i >= 0 {
		t.ring = slices.Delete(t.ring, i, i+1)
	}
}

func (t *Turns) index(socket uint32) int {
	return slices.IndexFunc(t.ring, func(s turn) bool { return s.socket == socket })
}

// Next gives the socket whose turn it is.
func (t *Turns) Next() (uint32, bool) {
	if len(t.ring) == 0 {
		return 0, false
	}
	for t.ring[0].deficit <= 0 {
		t.ring[0].deficit += quantum
		if len(t.ring) > 1 {
			t.ring = append(t.ring[1:], t.ring[0])
		}
	}
	return t.ring[0].socket, true
}

// Charge takes the cost of a call from the socket whose turn it is.
func (t *Turns) Charge(bytes uint64) {
	t.ring[0].deficit -= 1 + int64(bytes/unitBytes)
}

func (t *Turns) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(t.ring)))
	for _, s := range t.ring {
		b = binary.AppendUvarint(b, uint64(s.socket))
		b = binary.AppendVarint(b, s.deficit)
	}
	return b
}

func readTurns(r *pack.Reader) Turns {
	var t Turns
	for range r.Uint() {
		t.ring = append(t.ring, turn{uint32(r.Uint()), r.Int()})
	}
	return t
}
