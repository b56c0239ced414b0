package pebblekv

import (
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/raftstore"
)

// TestFlushOnAFullDiskWaitsForRoomOrTheEnd: neither may keep the process alive
// for ever, nor lose what was committed.
func TestFlushOnAFullDiskWaitsForRoomOrTheEnd(t *testing.T) {
	for _, room := range []bool{true, false} {
		var full atomic.Bool
		tried := make(chan struct{}, 1)
		disk := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if !full.Load() || op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
				return nil
			}
			select {
			case tried <- struct{}{}:
			default:
			}
			return syscall.ENOSPC
		}))
		s, err := open("state", disk, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(raftstore.Batch{Writes: []kv.Write{{Key: []byte("k"), Value: []byte("v")}}}); err != nil {
			t.Fatal(err)
		}
		full.Store(true)
		flushed := make(chan error)
		go func() { flushed <- s.Flush() }()
		<-tried
		if room {
			full.Store(false)
			if err := <-flushed; err != nil {
				t.Errorf("with room again: %v", err)
			}
		}
		closed := make(chan error)
		go func() { closed <- s.Close() }()
		if !room && <-flushed == nil {
			t.Error("a full disk took a flush")
		}
		if err := <-closed; err != nil && room {
			t.Error(err)
		}
	}
}
