package processor

import (
	"bytes"
	"encoding/binary"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/messages"
)

// MaxSlots is how many slots one processor may have in a partition.
const MaxSlots = 1 << 15

// A slot's load is one byte: how many calls it holds, or why it takes none.
const (
	none   = 0xfe // there is no slot at this index
	closed = 0xff // its window is full, or it runs other code
)

// What a slot holds while it takes another is less than either.
const _ = uint(none - messages.MaxWindow)

// Credits are the loads of a processor's slots, by index: small enough to be
// read and written with each call, however many slots there are.
type Credits struct {
	load []byte
	next int // where the search for the least loaded slot begins
}

// Open gives an index to a new slot. It takes no calls until Set says so.
func (c *Credits) Open() uint16 {
	i := bytes.IndexByte(c.load, none)
	if i < 0 {
		i = len(c.load)
		c.load = append(c.load, closed)
	}
	c.load[i] = closed
	return uint16(i)
}

// Full says that no more slots fit.
func (c *Credits) Full() bool {
	return len(c.load) >= MaxSlots && bytes.IndexByte(c.load, none) < 0
}

// Close gives a slot's index back.
func (c *Credits) Close(index uint16) {
	c.load[index] = none
	for len(c.load) > 0 && c.load[len(c.load)-1] == none {
		c.load = c.load[:len(c.load)-1]
	}
	if c.next >= len(c.load) {
		c.next = 0
	}
}

// Set says how many calls a slot holds, and whether it takes another.
func (c *Credits) Set(index uint16, leases int, open bool) {
	c.load[index] = closed
	if open {
		c.load[index] = byte(leases)
	}
}

// Indexes gives the indexes that have a slot.
func (c *Credits) Indexes() (all []uint16) {
	for i, l := range c.load {
		if l != none {
			all = append(all, uint16(i))
		}
	}
	return all
}

// Load is how many calls a slot holds, if it takes another.
func (c *Credits) Load(index uint16) (leases int, open bool) {
	if int(index) >= len(c.load) || c.load[index] >= none {
		return 0, false
	}
	return int(c.load[index]), true
}

// Free says whether a slot takes another call.
func (c *Credits) Free() bool {
	_, ok := c.least()
	return ok
}

// Slots is how many slots there are, and how many of them take another call.
func (c *Credits) Slots() (all, free int) {
	for _, l := range c.load {
		if l != none {
			all++
		}
		if l < none {
			free++
		}
	}
	return all, free
}

// Take gives the slot that holds the fewest calls, so that a call waits behind
// another only when every slot has one. Among equals they take turns, which
// spreads calls over nodes.
func (c *Credits) Take() (uint16, bool) {
	i, ok := c.least()
	if ok {
		c.next = (i + 1) % len(c.load)
	}
	return uint16(i), ok
}

func (c *Credits) least() (int, bool) {
	best, at := byte(none), 0
	for n := range c.load {
		i := n + c.next
		if i >= len(c.load) {
			i -= len(c.load)
		}
		if c.load[i] < best {
			if best, at = c.load[i], i; best == 0 {
				break
			}
		}
	}
	return at, best < none
}

func (c *Credits) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(c.next))
	return append(b, c.load...)
}

func readCredits(r *pack.Reader) Credits {
	c := Credits{next: int(r.Uint())}
	c.load = append(c.load, r.Rest...)
	return c
}
