// Package slot keeps the slots that may take calls, and the calls they have
// taken: a lease is one call at one slot.
package slot

import (
	"encoding/binary"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// Keys:
//
//	s/ length(1) session slot    a slot
//	j/ index(2) processor        session and name of the slot at an index of a processor
const (
	slots = "s/"
	names = "j/"
)

// MaxName is the longest name that a session or a slot may have: its length
// stands in one byte.
const MaxName = 255

// Name names a slot in the whole network.
type Name struct{ Session, Slot string }

// Slot is one place where a worker takes calls.
type Slot struct {
	Name
	Processor string
	Index     uint16 // of the slot in its processor's credits
	Node      string // node's name, for people
	Commit    string // of the code it runs
	Window    uint32 // calls it may hold; fewer than it holds: no new ones
	// Leases are in the order in which they were given. The first one that is
	// not being aborted runs, unless what told its slot of it was lost.
	Leases []Lease
}

// Lease is a call that a slot holds.
type Lease struct {
	Call    messages.CallID
	Seq     uint64
	Attempt uint32
	Order   uint64 // rises with each lease of the partition
	// Aborting: the call was cancelled, and the slot has not said yet that it
	// has stopped. The lease goes on using its credit until then.
	Aborting bool
}

// Find gives the place of an attempt among the leases, or -1.
func (s *Slot) Find(call messages.CallID, attempt uint32) int {
	for i, l := range s.Leases {
		if l.Call == call && (l.Attempt == attempt || plant.On(plant.LateResult)) {
			return i
		}
	}
	return -1
}

// Remove takes a lease away. Most end in the order in which they were given, so
// that those before it are fewer than those behind it, and move.
func (s *Slot) Remove(i int) Lease {
	l := s.Leases[i]
	copy(s.Leases[1:i+1], s.Leases[:i])
	s.Leases = s.Leases[1:]
	return l
}

func key(n Name) []byte { return append(sessionKey(n.Session), n.Slot...) }

func sessionKey(session string) []byte {
	k := append(make([]byte, 0, len(slots)+80), slots...)
	return append(append(k, byte(len(session))), session...)
}

func nameKey(processor string, index uint16) []byte {
	k := binary.BigEndian.AppendUint16([]byte(names), index)
	return append(k, processor...)
}

// Load reads a slot.
func Load(view kv.View, n Name) (*Slot, bool) {
	if len(n.Session) > MaxName {
		return nil, false
	}
	value, ok := view.Get(key(n))
	if !ok {
		return nil, false
	}
	return decode(n, value), true
}

// Named gives the name of the slot at an index of a processor's credits.
func Named(view kv.View, processor string, index uint16) (Name, bool) {
	value, ok := view.Get(nameKey(processor, index))
	if !ok {
		return Name{}, false
	}
	r := pack.Reader{What: "name of a slot", Rest: value}
	return Name{r.Text(), r.Text()}, true
}

// Bind gives an index of a processor's credits to the slot.
func (s *Slot) Bind(tx kv.Tx, processor string, index uint16) {
	s.Processor, s.Index = processor, index
	tx.Set(nameKey(processor, index), pack.Text(pack.Text(nil, s.Session), s.Name.Slot))
}

// Unbind gives the index back.
func (s *Slot) Unbind(tx kv.Tx) { tx.Delete(nameKey(s.Processor, s.Index)) }

// Save writes the slot.
func (s *Slot) Save(tx kv.Tx) {
	b := make([]byte, 0, 128+len(s.Leases)*40)
	b = pack.Text(b, s.Processor)
	b = binary.AppendUvarint(b, uint64(s.Index))
	b = pack.Text(b, s.Node)
	b = pack.Text(b, s.Commit)
	b = binary.AppendUvarint(b, uint64(s.Window))
	for _, l := range s.Leases {
		b = append(b, l.Call[:]...)
		b = binary.AppendUvarint(b, l.Seq)
		b = binary.AppendUvarint(b, uint64(l.Attempt))
		b = binary.AppendUvarint(b, l.Order)
		b = pack.Flag(b, l.Aborting)
	}
	tx.Set(key(s.Name), b)
}

// Delete forgets the slot.
func (s *Slot) Delete(tx kv.Tx) { tx.Delete(key(s.Name)) }

func decode(n Name, value []byte) *Slot {
	r := pack.Reader{What: "slot", Rest: value}
	s := &Slot{Name: n, Processor: r.Text(), Index: uint16(r.Uint()), Node: r.Text(), Commit: r.Text(), Window: uint32(r.Uint())}
	for r.More() {
		s.Leases = append(s.Leases, Lease{messages.CallIDFrom(r.Bytes(16)), r.Uint(), uint32(r.Uint()), r.Uint(), r.Flag()})
	}
	return s
}

// All gives the slots of a session, or of all if it is empty, by name.
func All(view kv.View, session string) (all []*Slot) {
	from := []byte(slots)
	if session != "" {
		from = sessionKey(session)
	}
	for k, v := range view.Scan(from, kv.PrefixEnd(from)) {
		k = k[len(slots):]
		n := 1 + int(k[0])
		all = append(all, decode(Name{string(k[1:n]), string(k[n:])}, v))
	}
	return all
}
