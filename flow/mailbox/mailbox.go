// Package mailbox keeps the calls of a socket that wait for a slot: higher
// priority first, then in the order of their arrival.
package mailbox

import (
	"encoding/binary"
	"iter"
	"math"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/kv"
)

// Keys, all below "m/":
//
//	m/ socket(4) rank(4) last(8)   a span; rank: the priority, upside down
const prefix = "m/"

// Box is one socket's mailbox: what is kept of it beside its spans.
type Box struct {
	Socket uint32
	Calls  uint64 // in the mailbox
	// No span stands before head. Looking from there on passes over the
	// tombstones of the spans that were taken, of which a store may keep many.
	head place
	// What is left of the span that calls are being taken from; taking false: there
	// is none. It is written by Flush, once for all that were taken.
	front  Entry
	taking bool
	ahead  ahead
}

type place struct {
	rank uint32
	last uint64
}

func (p place) before(q place) bool {
	return p.rank < q.rank || p.rank == q.rank && p.last < q.last
}

func placeOf(e Entry) place { return place{rank(e.Priority), e.Last} }

// Entry is a span of calls of one priority.
type Entry struct {
	Priority int32
	span.Span
}

func rank(priority int32) uint32 { return uint32(int64(math.MaxInt32) - int64(priority)) }

func priority(rank uint32) int32 { return int32(int64(math.MaxInt32) - int64(rank)) }

func (b *Box) prefix(rank uint32) []byte {
	k := binary.BigEndian.AppendUint32(append(make([]byte, 0, 18), prefix...), b.Socket)
	return binary.BigEndian.AppendUint32(k, rank)
}

// Put adds calls.
func (b *Box) Put(tx kv.Tx, e Entry) {
	at := placeOf(e)
	if b.Calls == 0 || at.before(b.head) {
		b.Flush(tx)
		b.head = at
	}
	b.ahead.put(e, b.Calls == 0)
	span.Put(tx, b.prefix(rank(e.Priority)), e.Span)
	b.Calls += e.Len()
}

// Await counts a call that PutAwaited adds, before anything but their number is
// asked of the mailbox.
func (b *Box) Await() { b.Calls++ }

// PutAwaited adds calls that were counted before.
func (b *Box) PutAwaited(tx kv.Tx, e Entry) {
	b.Calls -= e.Len()
	b.Put(tx, e)
}

// First gives the entry whose first call is next.
func (b *Box) First(view kv.View) (Entry, bool) {
	if b.taking {
		return b.front, true
	}
	if b.Calls == 0 {
		return Entry{}, false
	}
	if e, ok := b.ahead.first(); ok {
		return e, true
	}
	first := b.prefix(b.head.rank)
	// Nothing can stand before or between these two. When calls come one after
	// the other to one socket, or in blocks, one of them is it, and a look at a
	// key is much cheaper than a scan.
	for last := b.head.last; last <= b.head.last+1; last++ {
		k := span.Key(first, last)
		if v, ok := view.Get(k); ok {
			return read(k, v), true
		}
	}
	if b.ahead.read(view.Scan(span.Key(first, b.head.last), kv.PrefixEnd(first[:len(prefix)+4]))) {
		return b.ahead.first()
	}
	pack.Fail("the mailbox of socket %d counts %d calls and holds none", b.Socket, b.Calls)
	return Entry{}, false
}

// Take takes a call out of the entry that holds it, after a Flush.
func (b *Box) Take(tx kv.Tx, e Entry, seq uint64) {
	r := rank(e.Priority)
	span.Cut(tx, b.prefix(r), e.Span, seq)
	if left := (place{r, seq - 1}); seq > e.First && left.before(b.head) {
		b.head = left
	}
	b.ahead.take(e, seq)
	b.Calls--
}

// Pop takes the first call of the entry that First gave. One that is still in its
// block leaves the roll of those that wait too, where its span stands as it does here.
func (b *Box) Pop(tx kv.Tx, e Entry) {
	b.head = placeOf(e)
	if e.Block == 0 {
		b.Take(tx, e, e.First)
		return
	}
	b.ahead.take(e, e.First)
	e.First++
	b.Calls--
	if b.front, b.taking = e, true; e.First > e.Last {
		b.Flush(tx)
	}
}

// Flush writes what is left of the span that calls were taken from, here and in the
// roll of those that wait. Whoever looks for spans, in either, does it first.
func (b *Box) Flush(tx kv.Tx) {
	if !b.taking {
		return
	}
	b.taking = false
	e := b.front
	for _, prefix := range [...][]byte{b.prefix(rank(e.Priority)), roll.Socket(b.Socket, roll.Open)} {
		if e.First > e.Last {
			span.Drop(tx, prefix, e.Last)
		} else {
			span.Put(tx, prefix, e.Span)
		}
	}
}

// Find gives the entry that holds a call.
func (b *Box) Find(view kv.View, priority int32, seq uint64) (Entry, bool) {
	s, ok := span.Find(view, b.prefix(rank(priority)), seq)
	return Entry{priority, s}, ok
}

// From gives the entries that end at a call of a priority or behind it.
func (b *Box) From(view kv.View, priority int32, seq uint64) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		first := b.prefix(rank(priority))
		for k, v := range view.Scan(span.Key(first, seq), kv.PrefixEnd(first[:len(prefix)+4])) {
			if !yield(read(k, v)) {
				return
			}
		}
	}
}

// Entries gives all that the mailbox holds, in order.
func (b *Box) Entries(view kv.View) (all []Entry) {
	first := b.prefix(0)[:len(prefix)+4]
	for k, v := range view.Scan(first, kv.PrefixEnd(first)) {
		all = append(all, read(k, v))
	}
	return all
}

// EntriesUntil gives what goes before a call, in order, and the entry that holds it.
func (b *Box) EntriesUntil(view kv.View, priority int32, seq uint64) iter.Seq2[int, Entry] {
	return func(yield func(int, Entry) bool) {
		if b.Calls == 0 {
			return
		}
		i, prefix := 0, b.prefix(0)[:len(prefix)+4]
		for k, v := range view.Scan(span.Key(b.prefix(b.head.rank), b.head.last), kv.PrefixEnd(prefix)) {
			e := read(k, v)
			if e.Priority < priority || e.Priority == priority && e.First > seq || !yield(i, e) {
				return
			}
			i++
		}
	}
}

func read(k, v []byte) Entry {
	return Entry{priority(binary.BigEndian.Uint32(k[len(k)-12:])), span.Read(k, v)}
}

// Append packs the box onto b, without its socket.
func (b *Box) Append(to []byte) []byte {
	to = binary.AppendUvarint(to, b.Calls)
	if b.Calls == 0 {
		return to // a head says nothing of an empty box
	}
	to = binary.AppendUvarint(to, uint64(b.head.rank))
	return binary.AppendUvarint(to, b.head.last)
}

// Read unpacks what Append packed.
func Read(r *pack.Reader, socket uint32) Box {
	b := Box{Socket: socket, Calls: r.Uint()}
	if b.Calls > 0 {
		b.head = place{uint32(r.Uint()), r.Uint()}
	}
	return b
}
