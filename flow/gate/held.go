package gate

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/elasticcode/flow/flow/pack"
)

// Held is how many arrivals wait for each input of a socket: kept with the
// socket's state. Inputs that hold none are left out;
// the others stand in the order of their keys.
type Held []Waiting

// Waiting is what one input holds.
type Waiting struct {
	Key  string
	N    uint64
	head uint64 // none stands before it: looking from there passes over what was taken
}

// Of is the number of arrivals that wait for an input.
func (h Held) Of(key string) uint64 {
	if i := h.index(key); i >= 0 {
		return h[i].N
	}
	return 0
}

// Total is the number of arrivals that wait.
func (h Held) Total() (n uint64) {
	for _, w := range h {
		n += w.N
	}
	return n
}

func (h Held) index(key string) int {
	return slices.IndexFunc(h, func(w Waiting) bool { return w.Key == key })
}

func (h *Held) enter(key string, seq uint64) {
	if i := h.index(key); i >= 0 {
		(*h)[i].N++
		return
	}
	i, _ := slices.BinarySearchFunc(*h, key, func(w Waiting, key string) int { return strings.Compare(w.Key, key) })
	*h = slices.Insert(*h, i, Waiting{Key: key, N: 1, head: seq})
}

func (h *Held) leave(key string, seq uint64) {
	i := h.index(key)
	if i < 0 {
		pack.Fail("arrival %d leaves the input %q, and none is counted there", seq, key)
	}
	w := &(*h)[i]
	if w.N--; w.N == 0 {
		*h = slices.Delete(*h, i, i+1)
	} else if w.head == seq {
		w.head = seq + 1
	}
}

// Append packs what is held onto b.
func (h Held) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(h)))
	for _, w := range h {
		b = binary.AppendUvarint(binary.AppendUvarint(pack.Text(b, w.Key), w.N), w.head)
	}
	return b
}

// ReadHeld unpacks what Append packed.
func ReadHeld(r *pack.Reader) (h Held) {
	for range r.Uint() {
		h = append(h, Waiting{Key: r.Text(), N: r.Uint(), head: r.Uint()})
	}
	return h
}
