package raftstore

import (
	"fmt"
	"testing"
)

// BenchmarkDigest hashes what an entry of 64 calls changes.
func BenchmarkDigest(b *testing.B) {
	p := newPage()
	var changed []*item
	for i := range 64 * 5 {
		changed = append(changed, p.write(fmt.Appendf(nil, "c/%032d", i), 1, make([]byte, 160), false, func() bool { return false }))
	}
	b.ReportAllocs()
	for b.Loop() {
		digest(1, 2, changed)
	}
}
