package raftstore

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
)

// sink takes a snapshot. Of a replica's own nothing is written but the marker;
// one from a peer is written to a file.
type sink struct {
	of  *snapshots
	m   marker
	own bool
	f   *os.File
	w   *bufio.Writer
}

func (k *sink) ID() string {
	if k.own {
		return ownID
	}
	return receivedID
}

// mark says that the state up to applied, and with it all of the log up to the
// snapshot's index, is on disk.
func (k *sink) mark(applied uint64) error {
	k.own = true
	k.m.applied = applied
	return k.of.write(k.m)
}

func (k *sink) Write(b []byte) (int, error) {
	if k.f == nil {
		f, err := os.Create(k.of.file())
		if err != nil {
			return 0, err
		}
		k.f, k.w = f, bufio.NewWriterSize(f, 256<<10)
	}
	return k.w.Write(b)
}

func (k *sink) Cancel() error {
	if k.f == nil {
		return nil
	}
	k.f.Close()
	return removeFile(k.of.file())
}

// Close ends the snapshot. One from a peer is on disk and checked afterwards;
// whether raft may install it as it runs depends on the log.
func (k *sink) Close() error {
	if k.own {
		return nil
	}
	if k.f == nil {
		return fmt.Errorf("receive snapshot %d: it is empty", k.m.index)
	}
	if err := k.keep(); err != nil {
		k.Cancel()
		return fmt.Errorf("receive snapshot %d: %w", k.m.index, err)
	}
	last, err := k.of.guard.LastIndex()
	if err != nil {
		return err
	}
	if last >= k.m.index {
		k.of.conflict()
		return errConflict
	}
	return nil
}

func (k *sink) keep() error {
	if err := k.w.Flush(); err != nil {
		return err
	}
	if err := k.f.Sync(); err != nil {
		return err
	}
	if err := k.f.Close(); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(k.of.file())); err != nil {
		return err
	}
	f, err := os.Open(k.of.file())
	if err != nil {
		return err
	}
	defer f.Close()
	h, err := verifyStream(f)
	if err == nil && (h.applied != k.m.index || h.term != k.m.term) {
		err = fmt.Errorf("it holds the state at %d of term %d: %w", h.applied, h.term, ErrCorrupt)
	}
	return err
}
