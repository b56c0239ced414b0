package roll

import (
	"encoding/binary"
	"iter"
	"math/bits"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/kv"
)

// share is how many neighbouring places share a value: each call that ends would
// cost a key of its own otherwise, and a store pays by keys.
const share = 256

// Ended keeps which calls of a socket have ended, and are kept. What it changes
// is written by Flush. Its zero value, with the socket's number, is ready.
type Ended struct {
	Socket uint32
	// Backs is, by terminal state, how many shares were begun: none of them stands
	// at it or behind it, which saves looking for what is not there.
	Backs [len(classes) - 1]uint64
	open  []part
}

// maxOpen bounds how many shares are held before they are written.
const maxOpen = 8

// part is the calls of a share that ended in one way.
type part struct {
	class   Class
	share   uint64
	places  [share / 64]uint64
	changed bool
}

func (e *Ended) back(class Class) *uint64 {
	for i, c := range classes[1:] {
		if c == class {
			return &e.Backs[i]
		}
	}
	pack.Fail("a call has ended, and is of class %d", class)
	return nil
}

// Add adds a call that has ended.
func (e *Ended) Add(tx kv.Tx, class Class, seq uint64) {
	p := e.part(tx, class, seq/share)
	p.places[seq%share/64] |= 1 << (seq % 64)
	p.changed = true
}

// Drop takes a call away that is kept no longer.
func (e *Ended) Drop(tx kv.Tx, class Class, seq uint64) {
	p := e.part(tx, class, seq/share)
	p.places[seq%share/64] &^= 1 << (seq % 64)
	p.changed = true
}

func (e *Ended) part(tx kv.Tx, class Class, n uint64) *part {
	for i := range e.open {
		if p := &e.open[i]; p.share == n && p.class == class {
			return p
		}
	}
	if len(e.open) == maxOpen {
		e.Flush(tx)
		e.open = e.open[:0]
	}
	p := part{class: class, share: n}
	if back := e.back(class); n >= *back {
		*back = n + 1
	} else if value, ok := tx.Get(span.Key(Socket(e.Socket, class), n)); ok {
		p.read(value)
	}
	e.open = append(e.open, p)
	return &e.open[len(e.open)-1]
}

// Flush writes what was changed. Whoever reads does it first.
func (e *Ended) Flush(tx kv.Tx) {
	for i := range e.open {
		p := &e.open[i]
		if !p.changed {
			continue
		}
		p.changed = false
		key := span.Key(Socket(e.Socket, p.class), p.share)
		if value := p.value(); len(value) > 0 {
			tx.Set(key, value)
		} else {
			tx.Delete(key)
		}
	}
}

// whole is the length of a value that has a bit for each place of its share.
// Of fewer calls than that each has a byte.
const whole = share / 8

func (p *part) value() []byte {
	n := 0
	for _, word := range p.places {
		n += bits.OnesCount64(word)
	}
	value := make([]byte, 0, min(n, whole))
	if n >= whole {
		for _, word := range p.places {
			value = binary.LittleEndian.AppendUint64(value, word)
		}
		return value
	}
	for i, word := range p.places {
		for ; word != 0; word &= word - 1 {
			value = append(value, byte(i*64+bits.TrailingZeros64(word)))
		}
	}
	return value
}

func (p *part) read(value []byte) {
	if len(value) > whole {
		pack.Fail("a share of a roll has %d bytes", len(value))
	}
	if len(value) == whole {
		for i := range p.places {
			p.places[i] = binary.LittleEndian.Uint64(value[8*i:])
		}
		return
	}
	for _, at := range value {
		p.places[at/64] |= 1 << (at % 64)
	}
}

func (p *part) has(i int) bool { return p.places[i/64]&(1<<(i%64)) != 0 }

// Ascend gives the calls of a socket that ended in one way, from a place on, in
// order: neighbours as one span.
func Ascend(view kv.View, socket uint32, class Class, from uint64) iter.Seq[span.Span] {
	return func(yield func(span.Span) bool) {
		prefix := Socket(socket, class)
		for k, v := range view.Scan(span.Key(prefix, from/share), kv.PrefixEnd(prefix)) {
			p := readPart(k, v)
			for i := 0; i < share; i++ {
				if !p.has(i) {
					continue
				}
				first := i
				for i+1 < share && p.has(i+1) {
					i++
				}
				if p.at(i) >= from && !yield(span.Span{First: max(from, p.at(first)), Last: p.at(i)}) {
					return
				}
			}
		}
	}
}

// Descend is like Ascend, from a place down, latest first.
func Descend(view kv.View, socket uint32, class Class, from uint64) iter.Seq[span.Span] {
	return func(yield func(span.Span) bool) {
		prefix := Socket(socket, class)
		for k, v := range view.ScanBack(prefix, span.Key(prefix, from/share+1)) {
			p := readPart(k, v)
			for i := share - 1; i >= 0; i-- {
				if !p.has(i) {
					continue
				}
				last := i
				for i > 0 && p.has(i-1) {
					i--
				}
				if p.at(i) <= from && !yield(span.Span{First: p.at(i), Last: min(from, p.at(last))}) {
					return
				}
			}
		}
	}
}

func readPart(key, value []byte) *part {
	p := &part{share: binary.BigEndian.Uint64(key[len(key)-8:])}
	p.read(value)
	return p
}

func (p *part) at(i int) uint64 { return p.share*share + uint64(i) }
