// Package value keeps large values: their texts in chunks, under the hash of the
// whole, and how often each is named. What names one (a call's arguments, its
// result, a message at a gate or on its way to another partition) holds a
// reference; a value that nothing names goes after a time.
package value

import (
	"encoding/binary"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Keys:
//
//	B/v/ hash(32)              size, chunks that are there, names, expires
//	B/c/ hash(32) index(4)     a chunk
//	B/o/ to(4) seq(8) hash(32) a message in the outbox names the value: size(8)
const (
	values = "B/v/"
	chunks = "B/c/"
	sent   = "B/o/"
)

// Hash names a value in this partition.
type Hash [32]byte

// Value is what is known of a value, its text aside.
type Value struct {
	Hash    Hash
	Size    uint64
	Have    uint32 // chunks that are there. Invariant: those of the keys
	Names   uint64 // references to it. Invariant: 0 unless it is whole
	Expires int64  // microseconds; 0 exactly while it is named
}

// Reference names the value.
func (v *Value) Reference() messages.Reference { return messages.Reference{Hash: v.Hash, Size: v.Size} }

// Whole says whether all chunks are there.
func (v *Value) Whole() bool { return v.Have == v.Reference().Chunks() }

func valueKey(h Hash) []byte {
	return append(append(make([]byte, 0, len(values)+len(h)), values...), h[:]...)
}

func chunkKey(h Hash, index uint32) []byte {
	b := append(append(make([]byte, 0, len(chunks)+len(h)+4), chunks...), h[:]...)
	return binary.BigEndian.AppendUint32(b, index)
}

// Load reads what is known of a value.
func Load(view kv.View, h Hash) (*Value, bool) {
	text, ok := view.Get(valueKey(h))
	if !ok {
		return nil, false
	}
	return read(h, text), true
}

func read(h Hash, text []byte) *Value {
	r := pack.Reader{What: "large value", Rest: text}
	return &Value{Hash: h, Size: r.Uint(), Have: uint32(r.Uint()), Names: r.Uint(), Expires: int64(r.Uint())}
}

// Save writes it.
func (v *Value) Save(tx kv.Tx) {
	b := binary.AppendUvarint(make([]byte, 0, 24), v.Size)
	b = binary.AppendUvarint(b, uint64(v.Have))
	b = binary.AppendUvarint(b, v.Names)
	tx.Set(valueKey(v.Hash), binary.AppendUvarint(b, uint64(v.Expires)))
}

// Put adds a chunk, and says whether it was missing. The caller saves the value.
func (v *Value) Put(tx kv.Tx, index uint32, data []byte) (missing bool) {
	key := chunkKey(v.Hash, index)
	if _, ok := tx.Get(key); ok {
		return false
	}
	tx.Set(key, data)
	v.Have++
	return true
}

// Delete takes the value and its chunks away.
func (v *Value) Delete(tx kv.Tx) {
	for i := range v.Reference().Chunks() {
		tx.Delete(chunkKey(v.Hash, i))
	}
	tx.Delete(valueKey(v.Hash))
}

// Chunk gives a part of a value's text. It belongs to the view.
func Chunk(view kv.View, h Hash, index uint32) ([]byte, bool) { return view.Get(chunkKey(h, index)) }

// All gives what is known of every value.
func All(view kv.View) (all []*Value) {
	for k, text := range view.Scan([]byte(values), kv.PrefixEnd([]byte(values))) {
		all = append(all, read(Hash(k[len(values):]), text))
	}
	return all
}

// Chunks counts all chunks that are there.
func Chunks(view kv.View) (n uint64) {
	for range view.Scan([]byte(chunks), kv.PrefixEnd([]byte(chunks))) {
		n++
	}
	return n
}
