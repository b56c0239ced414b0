package messages

import (
	"bytes"
	"encoding/json"
	"slices"
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

func TestTheLargestTravelApartUntilTheRestFits(t *testing.T) {
	sizes := func(n ...int) (values []*[]byte) {
		for _, size := range n {
			text := bytes.Repeat([]byte("7"), size)
			values = append(values, &text)
		}
		return values
	}
	for _, c := range []struct {
		sizes []int
		most  int
		apart []int
	}{
		{[]int{100, 200}, 300, nil},
		{[]int{100, 200}, 299, []int{200}},
		{[]int{100, 500, 200, 500}, 400, []int{500, 500}},
		{[]int{100, 500, 200, 500}, 200, []int{500, 500, 200, 100}},
		{[]int{40, 40, 40}, 50, nil}, // nothing is won
	} {
		var got []int
		for _, v := range Apart(sizes(c.sizes...), c.most) {
			got = append(got, len(*v))
		}
		if !slices.Equal(got, c.apart) {
			t.Errorf("of %v within %d, %v travel apart, want %v", c.sizes, c.most, got, c.apart)
		}
	}
}
