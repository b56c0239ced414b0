package pebblekv

import (
	"encoding/binary"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/raftstore"
)

// TestBlocksStayInTheCache reads the same keys of a table again while memtables
// come and go, as they do on a busy node: no read may go to the disk for long.
func TestBlocksStayInTheCache(t *testing.T) {
	s, err := open("state", vfs.NewMem(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n := uint64(0)
	write := func(bytes int) {
		for ; bytes > 0; bytes -= 1 << 20 {
			b := raftstore.Batch{}
			for range 256 {
				n++
				b.Writes = append(b.Writes, kv.Write{Key: binary.BigEndian.AppendUint64([]byte("k"), n), Value: make([]byte, 4<<10)})
			}
			if err := s.Commit(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	read := func() {
		snapshot := s.Snapshot()
		defer snapshot.Close()
		for i := range uint64(100) {
			if _, ok := snapshot.Get(binary.BigEndian.AppendUint64([]byte("k"), 1+i*40)); !ok {
				t.Fatalf("key %d is gone", i)
			}
		}
	}
	write(3 * memTableSize)
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	write(memTableSize - memTableSize/4)
	read()
	read()
	before := s.db.Metrics().BlockCache
	for range 10 {
		read()
	}
	after := s.db.Metrics().BlockCache
	if missed, hit := after.Misses-before.Misses, after.Hits-before.Hits; missed*20 > hit {
		t.Errorf("of %d blocks, %d were not in the cache", missed+hit, missed)
	}
}
