package messages

import (
	"bytes"
	"fmt"
	"testing"
)

// benchCommands are enqueues of calls with a short argument.
func benchCommands(b *testing.B, n int) (all []Command) {
	for i := range n {
		id := NewCallID(fmt.Sprint(i), 1, 0)
		c, err := NewCommand(&Enqueue{Id: id.Bytes(), Content: id.Bytes(), Socket: "0193a1b2-c3d4-7abc-9def-0123456789ac", Owner: "ada",
			Arguments: &Arguments{Positional: [][]byte{[]byte(`"some data that is about this long"`)}}})
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// BenchmarkEntryEncode measures an entry as the batcher makes it, and
// BenchmarkEntryDecode as each replica reads it, its commands included.
func BenchmarkEntryEncode(b *testing.B) {
	for _, n := range []int{1, 64, MaxEntryCommands} {
		b.Run(fmt.Sprintf("commands=%d", n), func(b *testing.B) {
			e := Entry{Time: 1, Commands: benchCommands(b, n)}
			size := len(e.Append(nil))
			b.ReportAllocs()
			for b.Loop() {
				e.Append(make([]byte, 0, size))
			}
		})
	}
}

func BenchmarkEntryDecode(b *testing.B) {
	for _, n := range []int{1, 64, MaxEntryCommands} {
		b.Run(fmt.Sprintf("commands=%d", n), func(b *testing.B) {
			text := Entry{Time: 1, Commands: benchCommands(b, n)}.Append(nil)
			b.ReportAllocs()
			for b.Loop() {
				e, err := DecodeEntry(text)
				if err != nil {
					b.Fatal(err)
				}
				for _, c := range e.Commands {
					if _, err := c.Decode(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkReferenceTo(b *testing.B) {
	for _, size := range []int{MaxInline, 1 << 20} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			text := bytes.Repeat([]byte("x"), size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				ReferenceTo(text)
			}
		})
	}
}
