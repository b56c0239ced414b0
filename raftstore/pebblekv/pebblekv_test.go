package pebblekv

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/conform"
)

// strictDisk is a disk in memory that keeps, in a crash, what was synced alone.
type strictDisk struct {
	fs    *vfs.MemFS
	store *Store
	wrap  func(vfs.FS) vfs.FS
}

func (d *strictDisk) Open(t *testing.T) raftstore.KV {
	t.Helper()
	s, err := open("state", d.wrap(d.fs), nil)
	if err != nil {
		t.Fatal(err)
	}
	d.store = s
	return s
}

func (d *strictDisk) Crash(t *testing.T) {
	t.Helper()
	after := d.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	d.fs = after
}

func strict(*testing.T) conform.Disk {
	return &strictDisk{fs: vfs.NewCrashableMem(), wrap: func(fs vfs.FS) vfs.FS { return fs }}
}

func TestConformance(t *testing.T) { conform.KV(t, strict) }

// TestFlushIsWhatKeepsTheState sees that the crash of these tests would notice a
// store that does not sync.
func TestFlushIsWhatKeepsTheState(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(vfs.FS) vfs.FS
		kept bool
	}{
		{"synced", func(fs vfs.FS) vfs.FS { return fs }, true},
		{"unsynced", func(fs vfs.FS) vfs.FS { return unsynced{fs} }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &strictDisk{fs: vfs.NewCrashableMem(), wrap: c.wrap}
			s := d.Open(t)
			if err := s.Commit(raftstore.Batch{Writes: []kv.Write{{Key: []byte("k"), Value: []byte("v")}}}); err != nil {
				t.Fatal(err)
			}
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
			d.Crash(t)
			s = d.Open(t)
			defer s.Close()
			view := s.Snapshot()
			defer view.Close()
			if _, ok := view.Get([]byte("k")); ok != c.kept {
				t.Errorf("kept: %v, want %v", ok, c.kept)
			}
		})
	}
}

func TestClosedStoreRefuses(t *testing.T) {
	s, err := Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	view := s.Snapshot()
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	view.Scan(nil, nil)(func(k, v []byte) bool { return true }) // still open under it
	if err := view.Close(); err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if s.Commit(raftstore.Batch{}) == nil || s.Flush() == nil {
		t.Error("a closed store was written to")
	}
	defer func() {
		if _, ok := recover().(raftstore.ReadError); !ok {
			t.Error("a closed store was read")
		}
	}()
	s.Snapshot().Get([]byte("k"))
}

func TestOpensOnARealDisk(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		s, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err == nil {
			t.Error("closed twice")
		}
	}
}
