package twin

import (
	"encoding/binary"
	"errors"
)

var errShort = errors.New("a record ends too early")

// writer puts numbers and byte strings one behind the other.
type writer []byte

func (w *writer) number(n uint64) { *w = binary.AppendUvarint(*w, n) }

func (w *writer) bytes(b []byte) {
	w.number(uint64(len(b)))
	*w = append(*w, b...)
}

// optional keeps nil apart from empty.
func (w *writer) optional(b []byte) {
	if b == nil {
		w.number(0)
		return
	}
	w.number(1)
	w.bytes(b)
}

// reader reads what a writer wrote. After the first error all is zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.rest, r.err = nil, errShort
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.rest, r.err = nil, errShort
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) optional() []byte {
	if r.number() == 0 {
		return nil
	}
	return r.bytes()
}
