// Package boltlog keeps a group's log and its stable values in bbolt files.
package boltlog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
)

// Logs keeps the logs of all groups in bbolt.
type Logs struct{}

// Kind names the format.
func (Logs) Kind() string { return "bolt" }

// Open opens log.db and stable.db. They are two files, so that damage to one
// does not take back what the other remembers of it.
func (Logs) Open(_ messages.GroupID, dir string, create bool) (raftstore.LogStore, raftstore.StableStore, error) {
	log, err := open(filepath.Join(dir, "log.db"), create)
	if err != nil {
		return nil, nil, err
	}
	stable, err := OpenStable(dir, create)
	if err != nil {
		return nil, nil, errors.Join(err, log.Close())
	}
	return log, stable, nil
}

// OpenStable opens a group's stable values alone, for logs kept otherwise.
func OpenStable(dir string, create bool) (raftstore.StableStore, error) {
	return open(filepath.Join(dir, "stable.db"), create)
}

// lockWait is how long to wait for another process to let go of the file.
const lockWait = time.Second

func open(path string, create bool) (s *raftboltdb.BoltStore, err error) {
	if !create {
		if err := check(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("open %s: it is missing: %w", path, raftstore.ErrCorrupt)
		} else if err != nil {
			return nil, err
		}
	}
	defer func() {
		if p := recover(); p != nil { // bbolt's way to report damage
			s, err = nil, fmt.Errorf("open %s: %v: %w", path, p, raftstore.ErrCorrupt)
		}
	}()
	// The list of free pages is rebuilt when the file is opened: writing it with
	// each transaction costs more than the transaction.
	options := &bbolt.Options{Timeout: lockWait, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType}
	s, err = raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: options, NoSync: noSync, MsgpackUseNewTimeFormat: true})
	if err == nil {
		return s, nil
	}
	err = fmt.Errorf("open %s: %w", path, err)
	if !create && isDamage(err) {
		err = fmt.Errorf("%w: %w", err, raftstore.ErrCorrupt)
	}
	return nil, err
}

// isDamage says whether bbolt found that the file cannot be what it wrote. An
// incompatible value is a bucket that is not one any more.
func isDamage(err error) bool {
	for _, damage := range []error{bbolt.ErrInvalid, bbolt.ErrChecksum, bbolt.ErrVersionMismatch, bbolt.ErrIncompatibleValue} {
		if errors.Is(err, damage) {
			return true
		}
	}
	return false
}
