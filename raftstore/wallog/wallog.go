// Package wallog keeps a group's log in segments of a write-ahead log
// (raft-wal), and its stable values in bbolt.
package wallog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/boltlog"
)

// SegmentSize is what a segment takes on the disk from its beginning on. The
// library's own 64 MiB would take that for each group.
const SegmentSize = 8 << 20

// Logs keeps the logs of the partitions in raft-wal. The meta group's, which is
// small and seldom written, is kept in bbolt.
type Logs struct{}

// Kind names the format.
func (Logs) Kind() string { return "wal" }

// Open opens the segments below dir/wal, and stable.db.
func (Logs) Open(group messages.GroupID, dir string, create bool) (raftstore.LogStore, raftstore.StableStore, error) {
	if group == messages.Meta {
		return boltlog.Logs{}.Open(group, dir, create)
	}
	files := &noting{VFS: files()}
	w, err := open(filepath.Join(dir, "wal"), create, files)
	if err != nil {
		return nil, nil, err
	}
	log := store{w, files}
	stable, err := boltlog.OpenStable(dir, create)
	if err != nil {
		return nil, nil, errors.Join(err, log.Close())
	}
	return log, stable, nil
}

func open(dir string, create bool, files types.VFS) (w *wal.WAL, err error) {
	if create {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(filepath.Join(dir, metadb.FileName)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open %s: its list of segments is missing: %w", dir, raftstore.ErrCorrupt)
	}
	defer func() {
		if p := recover(); p != nil {
			w, err = nil, fmt.Errorf("open %s: %v: %w", dir, p, raftstore.ErrCorrupt)
		}
	}()
	if !create {
		if err = finishRotation(dir, files); err != nil {
			return nil, damaged(dir, err, create)
		}
	}
	w, err = wal.Open(dir, wal.WithSegmentSize(SegmentSize), wal.WithSegmentFiler(segment.NewFiler(dir, files)), wal.WithLogger(hclog.NewNullLogger()))
	if err == nil {
		return w, nil
	}
	return nil, damaged(dir, err, create)
}

// damaged is why a log cannot be opened.
func damaged(dir string, err error, create bool) error {
	err = fmt.Errorf("open %s: %w", dir, err)
	if !create && (errors.Is(err, types.ErrCorrupt) || errors.Is(err, fs.ErrNotExist)) {
		err = fmt.Errorf("%w: %w", err, raftstore.ErrCorrupt)
	}
	return err
}

// store is a WAL that says why it cannot go on. When there is no room for the
// next segment the library writes that to its log, and later answers appends
// with an error that names no cause.
type store struct {
	*wal.WAL
	files *noting
}

func (s store) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

func (s store) StoreLogs(logs []*raft.Log) error {
	err := s.WAL.StoreLogs(logs)
	if errors.Is(err, types.ErrSealed) {
		if cause := s.files.failed.Load(); cause != nil {
			return fmt.Errorf("%w: %w", err, *cause)
		}
	}
	return err
}

// noting remembers why the last segment that failed could not be made.
type noting struct {
	types.VFS
	failed atomic.Pointer[error]
}

func (n *noting) Create(dir, name string, size uint64) (types.WritableFile, error) {
	f, err := n.VFS.Create(dir, name, size)
	if err != nil {
		n.failed.Store(&err)
	}
	return f, err
}
