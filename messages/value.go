package messages

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// A value is one JSON text: an argument, a result, what a function put into
// output or sent to a plug. A large one travels apart, in chunks, through the log
// of the partition that is to know it, and a Reference stands wherever the text
// would. No JSON text begins with the byte that a Reference begins with, so
// that neither can be taken for the other.

// ChunkBytes is how much of a value one PutChunk carries; the last has the rest.
const ChunkBytes = 128 << 10

const (
	referenceMark = 0
	hashBytes     = sha256.Size
	referenceSize = 1 + hashBytes + 8
)

// Reference names a value by the SHA-256 of its text.
type Reference struct {
	Hash [hashBytes]byte
	Size uint64 // bytes of the text
}

// ReferenceTo names a text.
func ReferenceTo(text []byte) Reference {
	return Reference{Hash: sha256.Sum256(text), Size: uint64(len(text))}
}

// Value is the reference as it stands in place of the text.
func (r Reference) Value() []byte {
	b := make([]byte, 0, referenceSize)
	b = append(b, referenceMark)
	b = append(b, r.Hash[:]...)
	return binary.BigEndian.AppendUint64(b, r.Size)
}

// ReadReference says whether a value is a reference, and which.
func ReadReference(value []byte) (r Reference, ok bool) {
	if len(value) != referenceSize || value[0] != referenceMark {
		return r, false
	}
	copy(r.Hash[:], value[1:])
	r.Size = binary.BigEndian.Uint64(value[1+hashBytes:])
	return r, true
}

// ValueSize is how many bytes the text of a value has, wherever it is.
func ValueSize(value []byte) uint64 {
	if r, ok := ReadReference(value); ok {
		return r.Size
	}
	return uint64(len(value))
}

// Chunks is in how many parts the text travels.
func (r Reference) Chunks() uint32 {
	return uint32((r.Size + ChunkBytes - 1) / ChunkBytes)
}

// Chunk is where in the text a chunk begins and ends.
func (r Reference) Chunk(index uint32) (from, to uint64) {
	from = uint64(index) * ChunkBytes
	return from, min(from+ChunkBytes, r.Size)
}

// Values gives the values of arguments: the positional ones first.
func (a *Arguments) Values() (all [][]byte) {
	for _, v := range a.GetPositional() {
		all = append(all, v)
	}
	for _, n := range a.GetNamed() {
		all = append(all, n.Value)
	}
	return all
}

// References gives those that are among values.
func References(values ...[]byte) (all []Reference) {
	for _, v := range values {
		if r, ok := ReadReference(v); ok {
			all = append(all, r)
		}
	}
	return all
}

// References gives those that are among the values.
func (a *Arguments) References() (all []Reference) {
	all = References(a.GetPositional()...)
	for _, n := range a.GetNamed() {
		all = append(all, References(n.Value)...)
	}
	return all
}

// Apart is the one place that decides which values travel apart: the largest,
// until those that stay have no more than most bytes together. It gives their
// places.
func Apart(values []*[]byte, most int) []*[]byte {
	total := 0
	for _, v := range values {
		total += len(*v)
	}
	if total <= most {
		return nil
	}
	bySize := slices.Clone(values)
	slices.SortStableFunc(bySize, func(a, b *[]byte) int { return cmp.Compare(len(*b), len(*a)) })
	n := 0
	for ; n < len(bySize) && total > most && len(*bySize[n]) > referenceSize; n++ {
		total += referenceSize - len(*bySize[n])
	}
	return bySize[:n]
}

// Places gives where the values of arguments stand.
func (a *Arguments) Places() (all []*[]byte) {
	for i := range a.GetPositional() {
		all = append(all, &a.Positional[i])
	}
	for _, n := range a.GetNamed() {
		all = append(all, &n.Value)
	}
	return all
}
