package kv

import (
	"encoding/binary"
	"testing"
)

// BenchmarkOverlay measures what a command does to its overlay: a few reads,
// most of them of what is there, and a few writes; one entry has 64 of them.
func BenchmarkOverlay(b *testing.B) {
	base := NewMap()
	key := func(n uint64) []byte { return binary.BigEndian.AppendUint64([]byte("call/"), n) }
	for n := range uint64(10_000) {
		base.Set(key(n), make([]byte, 200))
	}
	value := make([]byte, 200)
	b.ReportAllocs()
	n, o := uint64(0), NewOverlay(base)
	for b.Loop() {
		for range 8 {
			n = (n + 7919) % 11_000
			o.Get(key(n))
		}
		for range 3 {
			n = (n + 7919) % 10_000
			o.Set(key(n), value)
		}
		if o.Len() >= 3*64 {
			base.Commit(o)
			o = NewOverlay(base)
		}
	}
}
