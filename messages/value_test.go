package messages

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestReferenceIsNoText(t *testing.T) {
	for _, size := range []int{1, ChunkBytes, ChunkBytes + 1, 3 * ChunkBytes} {
		text := bytes.Repeat([]byte("7"), size)
		r := ReferenceTo(text)
		value := r.Value()
		if got, ok := ReadReference(value); !ok || got != r || ValueSize(value) != uint64(size) {
			t.Errorf("%d bytes: read %v %v", size, got, ok)
		}
		if json.Valid(value) {
			t.Errorf("a reference is valid JSON: %q", value)
		}
		if _, ok := ReadReference(text); ok || ValueSize(text) != uint64(size) {
			t.Errorf("a text of %d bytes is taken for a reference", size)
		}
		whole := 0
		for i := range r.Chunks() {
			from, to := r.Chunk(i)
			if from != uint64(whole) || to <= from || to-from > ChunkBytes {
				t.Errorf("%d bytes: chunk %d is %d to %d", size, i, from, to)
			}
			whole += int(to - from)
		}
		if whole != size {
			t.Errorf("%d bytes in chunks are %d", size, whole)
		}
	}
}
