package raftstore

import (
	"encoding/binary"
	"testing"

	"github.com/elasticcode/flow/kv"
)

// BenchmarkDigest is what comparing replicas costs a call: ten writes of 150 bytes.
func BenchmarkDigest(b *testing.B) {
	changes := kv.NewOverlay(nil)
	for i := range 10 {
		changes.Set(binary.BigEndian.AppendUint64(make([]byte, 12), uint64(i)), make([]byte, 150))
	}
	b.ReportAllocs()
	for b.Loop() {
		digest(1, 2, changes)
	}
}
