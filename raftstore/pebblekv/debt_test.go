package pebblekv

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/raftstore"
)

// TestWhatIsDueIsCompacted at once: when it was left over from before, behind flushes, and
// after compactions that have failed. Nobody looks for it at any other time.
func TestWhatIsDueIsCompacted(t *testing.T) {
	const layers = 3 * compactFrom
	disk := vfs.NewMem()
	idle, err := pebble.Open("d", &pebble.Options{FS: disk, DisableAutomaticCompactions: true, L0StopWritesThreshold: 2 * layers, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range layers {
		_ = idle.Set([]byte("key"), fmt.Append(nil, i), nil)
		if err := idle.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := idle.Close(); err != nil {
		t.Fatal(err)
	}

	var fail atomic.Int32 // how many tables cannot be opened, which compactions alone do here
	s, err := open("d", errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpOpen && fail.Add(-1) >= 0 {
			return errorfs.ErrInjected
		}
		return nil
	})), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	compacted := func(when string) {
		t.Helper()
		limit := time.After(10 * time.Second)
		for s.db.Metrics().Levels[0].Sublevels >= compactFrom {
			select {
			case <-limit:
				t.Fatalf("%s: %d layers of L0 are left", when, s.db.Metrics().Levels[0].Sublevels)
			case <-time.After(time.Millisecond):
			}
		}
	}
	compacted("when it was opened")
	for _, failures := range []int32{0, 3} {
		fail.Store(failures)
		for i := range layers {
			if err := s.Commit(raftstore.Batch{Writes: []kv.Write{{Key: []byte("key"), Value: fmt.Append(nil, i)}}}); err != nil {
				t.Fatal(err)
			}
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		compacted(fmt.Sprintf("with %d failures", failures))
		if left := fail.Load(); left > 0 {
			t.Errorf("%d of %d failures are left", left, failures)
		}
	}
}

// quiet says nothing.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}
