package gate

import (
	"bytes"
	"encoding/binary"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// Keys. An arrival's place among the partition's arrivals (seq) names it.
//
//	g/a/ seq(8)                                      protobuf Arrival
//	g/i/ id(16)                                      seq(8)
//	g/q/ socket(4) length input seq(8)               waiting at a gate, by input
//	g/r/ socket(4) tracking(16) length input seq(8)  the same, by run first
const (
	arrivals = "g/a/"
	ids      = "g/i/"
	byInput  = "g/q/"
	byRun    = "g/r/"
)

func arrivalKey(seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, len(arrivals)+8), arrivals...), seq)
}

func idKey(id messages.CallID) []byte {
	return append(append(make([]byte, 0, len(ids)+len(id)), ids...), id[:]...)
}

func inputPrefix(socket uint32, input string) []byte {
	return pack.Text(binary.BigEndian.AppendUint32([]byte(byInput), socket), input)
}

func runPrefix(socket uint32, run messages.CallID, input string) []byte {
	return pack.Text(append(binary.BigEndian.AppendUint32([]byte(byRun), socket), run[:]...), input)
}

func at(prefix []byte, seq uint64) []byte { return binary.BigEndian.AppendUint64(prefix, seq) }

func run(a *messages.Arrival) messages.CallID { return messages.CallIDFrom(a.Tracking) }

// Remember notes by which id an arrival is found.
func Remember(tx kv.Tx, a *messages.Arrival) {
	tx.Set(idKey(messages.CallIDFrom(a.Id)), binary.BigEndian.AppendUint64(nil, a.Seq))
}

// Save writes an arrival.
func Save(tx kv.Tx, a *messages.Arrival) {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(a)
	if err != nil {
		pack.Fail("encode arrival %d: %v", a.Seq, err)
	}
	tx.Set(arrivalKey(a.Seq), value)
}

// Find gives the arrival with an id.
func Find(view kv.View, id messages.CallID) (*messages.Arrival, bool) {
	value, ok := view.Get(idKey(id))
	if !ok {
		return nil, false
	}
	r := pack.Reader{What: "place of an arrival", Rest: value}
	return Get(view, r.Uint64()), true
}

// Get gives the arrival at a place.
func Get(view kv.View, seq uint64) *messages.Arrival {
	value, ok := view.Get(arrivalKey(seq))
	if !ok {
		pack.Fail("there is no arrival %d", seq)
	}
	return decode(value)
}

func decode(value []byte) *messages.Arrival {
	a := new(messages.Arrival)
	if err := proto.Unmarshal(value, a); err != nil {
		pack.Fail("decode an arrival: %v", err)
	}
	return a
}

// Put lets an arrival wait for its input. The caller saves it.
func (h *Held) Put(tx kv.Tx, socket uint32, a *messages.Arrival) {
	tx.Set(at(inputPrefix(socket, a.Input), a.Seq), []byte{})
	tx.Set(at(runPrefix(socket, run(a), a.Input), a.Seq), []byte{})
	h.enter(a.Input, a.Seq)
}

// Take takes an arrival away from the gate where it waits. The caller saves it.
func (h *Held) Take(tx kv.Tx, socket uint32, a *messages.Arrival) {
	tx.Delete(at(inputPrefix(socket, a.Input), a.Seq))
	tx.Delete(at(runPrefix(socket, run(a), a.Input), a.Seq))
	h.leave(a.Input, a.Seq)
}

// Waiting gives the places of the arrivals that wait for an input, oldest first.
func (h Held) Waiting(view kv.View, socket uint32, input string) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		i := h.index(input)
		if i < 0 {
			return
		}
		prefix := inputPrefix(socket, input)
		for k := range view.Scan(at(inputPrefix(socket, input), h[i].head), kv.PrefixEnd(prefix)) {
			if !yield(binary.BigEndian.Uint64(k[len(k)-8:])) {
				return
			}
		}
	}
}

// Oldest gives the arrivals that a call would be made of, the oldest of each
// input, and the inputs that have none.
func (h Held) Oldest(view kv.View, socket uint32, inputs []Input) (seqs []uint64, missing []Input) {
	for _, in := range inputs {
		before := len(seqs)
		for seq := range h.Waiting(view, socket, in.Key) {
			seqs = append(seqs[:before], seq)
			if !plant.On(plant.LIFOGate) {
				break
			}
		}
		if len(seqs) == before {
			missing = append(missing, in)
		}
	}
	return seqs, missing
}

// OldestOf is like Oldest, for the arrivals of one run.
func (h Held) OldestOf(view kv.View, socket uint32, inputs []Input, run messages.CallID) (seqs []uint64, missing []Input) {
	for _, in := range inputs {
		before, prefix := len(seqs), runPrefix(socket, run, in.Key)
		for k := range view.Scan(prefix, kv.PrefixEnd(prefix)) {
			seqs = append(seqs, binary.BigEndian.Uint64(k[len(k)-8:]))
			break
		}
		if len(seqs) == before {
			missing = append(missing, in)
		}
	}
	return seqs, missing
}

// References gives the large values that an arrival names: its value, or the
// arguments of what was published to a socket that is gone.
func References(a *messages.Arrival) []messages.Reference {
	return append(messages.References(a.Value), a.Arguments.References()...)
}

// All gives every arrival, in the order in which they came.
func All(view kv.View) (all []*messages.Arrival) {
	for _, value := range view.Scan([]byte(arrivals), kv.PrefixEnd([]byte(arrivals))) {
		all = append(all, decode(value))
	}
	return all
}

// Count counts the arrivals that wait at the gate of a socket, or, without sockets,
// at all gates; of a run, unless it is zero. No more than most are looked at.
func Count(view kv.View, sockets []uint32, run messages.CallID, most int) (n int) {
	prefixes := [][]byte{[]byte(byRun)}
	if sockets != nil {
		prefixes = nil
	}
	for _, socket := range sockets {
		prefixes = append(prefixes, binary.BigEndian.AppendUint32([]byte(byRun), socket))
	}
	const runAt = len(byRun) + 4
	for _, prefix := range prefixes {
		for k := range view.Scan(prefix, kv.PrefixEnd(prefix)) {
			if most--; most < 0 {
				return n
			}
			if run.IsZero() || bytes.Equal(k[runAt:runAt+len(run)], run[:]) {
				n++
			}
		}
	}
	return n
}

// Queued gives the number of places at which arrivals wait, by input and by run.
func Queued(view kv.View) (inputs, runs int) {
	for range view.Scan([]byte(byInput), kv.PrefixEnd([]byte(byInput))) {
		inputs++
	}
	for range view.Scan([]byte(byRun), kv.PrefixEnd([]byte(byRun))) {
		runs++
	}
	return inputs, runs
}
