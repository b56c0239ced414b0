package twin_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/conform"
	"github.com/elasticcode/flow/sim/twin"
)

func TestLogsConform(t *testing.T) { conform.Logs(t, twin.Logs{}) }

func TestKVConforms(t *testing.T) {
	conform.KV(t, func(t *testing.T) conform.Disk { return &kvDisk{dir: t.TempDir()} })
}

// kvDisk tears the journal somewhere behind its last sync, in the middle of a
// record.
type kvDisk struct {
	dir    string
	synced int64
}

type syncing struct {
	*twin.KV
	disk *kvDisk
}

func (s syncing) Flush() error {
	err := s.KV.Flush()
	s.disk.synced = s.disk.size()
	return err
}

func (d *kvDisk) path() string { return filepath.Join(d.dir, "batches") }

func (d *kvDisk) size() int64 {
	info, err := os.Stat(d.path())
	if err != nil {
		return 0
	}
	return info.Size()
}

func (d *kvDisk) Open(t *testing.T) raftstore.KV {
	s, err := twin.OpenKV(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	d.synced = d.size()
	return syncing{s, d}
}

func (d *kvDisk) Crash(t *testing.T) {
	if err := os.Truncate(d.path(), d.synced+(d.size()-d.synced)/2); err != nil {
		t.Fatal(err)
	}
}
