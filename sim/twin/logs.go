package twin

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
)

// Logs keeps each group's log and its stable values in two journals.
type Logs struct{}

func (Logs) Kind() string { return "twin" }

// What a record of a log says.
const (
	recordEntries = iota
	recordCut
)

func (Logs) Open(_ messages.GroupID, dir string, create bool) (raftstore.LogStore, raftstore.StableStore, error) {
	log := &logStore{InmemStore: raft.NewInmemStore()}
	stable := &stableStore{InmemStore: raft.NewInmemStore()}
	var err error
	if log.journal, err = openJournal(filepath.Join(dir, "log"), opening{create: create}, log.replay); err != nil {
		return nil, nil, err
	}
	if stable.journal, err = openJournal(filepath.Join(dir, "stable"), opening{create: create}, stable.replay); err != nil {
		return nil, nil, errors.Join(err, log.Close())
	}
	return log, stable, nil
}

type logStore struct {
	*raft.InmemStore
	journal *journal
}

func (s *logStore) Close() error { return s.journal.close() }

func (s *logStore) StoreLog(entry *raft.Log) error { return s.StoreLogs([]*raft.Log{entry}) }

func (s *logStore) StoreLogs(entries []*raft.Log) error {
	w := writer{recordEntries}
	for _, e := range entries {
		w.number(e.Index)
		w.number(e.Term)
		w.number(uint64(e.Type))
		w.bytes(e.Data)
		w.bytes(e.Extensions)
		if e.AppendedAt.IsZero() {
			w.number(0)
		} else {
			w.number(uint64(e.AppendedAt.UnixNano()))
		}
	}
	if err := s.journal.appendSynced(w); err != nil {
		return err
	}
	copies := make([]*raft.Log, len(entries)) // raft may reuse what it gave
	for i, e := range entries {
		c := *e
		copies[i] = &c
	}
	return s.InmemStore.StoreLogs(copies)
}

func (s *logStore) DeleteRange(from, to uint64) error {
	w := writer{recordCut}
	w.number(from)
	w.number(to)
	if err := s.journal.appendSynced(w); err != nil {
		return err
	}
	return s.InmemStore.DeleteRange(from, to)
}

func (s *logStore) replay(record []byte) error {
	if len(record) == 0 {
		return errShort
	}
	r := &reader{rest: record[1:]}
	switch record[0] {
	case recordCut:
		from, to := r.number(), r.number()
		return errors.Join(r.err, s.InmemStore.DeleteRange(from, to))
	case recordEntries:
		var entries []*raft.Log
		for len(r.rest) > 0 {
			e := &raft.Log{Index: r.number(), Term: r.number(), Type: raft.LogType(r.number()), Data: r.bytes(), Extensions: r.bytes()}
			if at := r.number(); at != 0 {
				e.AppendedAt = time.Unix(0, int64(at)).UTC()
			}
			entries = append(entries, e)
		}
		return errors.Join(r.err, s.InmemStore.StoreLogs(entries))
	}
	return fmt.Errorf("a record has the unknown kind %d: %w", record[0], raftstore.ErrCorrupt)
}

// stableStore keeps values; numbers are kept apart, as raft does.
type stableStore struct {
	*raft.InmemStore
	journal *journal
}

const (
	recordBytes = iota
	recordNumber
)

func (s *stableStore) Close() error { return s.journal.close() }

func (s *stableStore) Set(key, value []byte) error {
	w := writer{recordBytes}
	w.bytes(key)
	w.bytes(value)
	if err := s.journal.appendSynced(w); err != nil {
		return err
	}
	return s.InmemStore.Set(key, append([]byte(nil), value...))
}

func (s *stableStore) SetUint64(key []byte, value uint64) error {
	w := writer{recordNumber}
	w.bytes(key)
	w.number(value)
	if err := s.journal.appendSynced(w); err != nil {
		return err
	}
	return s.InmemStore.SetUint64(key, value)
}

func (s *stableStore) replay(record []byte) error {
	if len(record) == 0 {
		return errShort
	}
	r := &reader{rest: record[1:]}
	key := r.bytes()
	if record[0] == recordNumber {
		return errors.Join(s.InmemStore.SetUint64(key, r.number()), r.err)
	}
	return errors.Join(s.InmemStore.Set(key, r.bytes()), r.err)
}
