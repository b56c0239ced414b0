package twin

import (
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/raftstore"
)

// KV is a key-value store in memory, beside a journal of its batches: a crash
// loses a suffix of whole batches over all groups, as Pebble without its WAL
// does.
type KV struct {
	*raftstore.Memory
	mu      sync.Mutex
	journal *journal
}

// OpenKV opens the store in a directory, made if need be.
func OpenKV(dir string) (*KV, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &KV{Memory: raftstore.NewMemory()}
	j, err := openJournal(filepath.Join(dir, "batches"), opening{create: true, loose: true}, func(record []byte) error {
		b, err := decodeBatch(record)
		if err != nil {
			return err
		}
		return s.Memory.Commit(b)
	})
	if err != nil {
		return nil, err
	}
	s.journal = j
	return s, s.Memory.Flush()
}

func (s *KV) Commit(b raftstore.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.journal.append(encodeBatch(b)); err != nil {
		return err
	}
	return s.Memory.Commit(b)
}

func (s *KV) Flush() error {
	linger() // without the lock: batches go on
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.journal.sync(), s.Memory.Flush())
}

func (s *KV) Close() error {
	return errors.Join(s.Flush(), s.journal.close(), s.Memory.Close())
}

func encodeBatch(b raftstore.Batch) []byte {
	var w writer
	w.number(uint64(len(b.Erase)))
	for _, r := range b.Erase {
		w.optional(r.From)
		w.optional(r.To)
	}
	for _, change := range b.Writes {
		w.bytes(change.Key)
		if change.Delete {
			w.number(0)
			continue
		}
		w.number(1)
		w.bytes(change.Value)
	}
	return w
}

func decodeBatch(record []byte) (raftstore.Batch, error) {
	r := &reader{rest: record}
	var b raftstore.Batch
	for range r.number() {
		if r.err != nil {
			break
		}
		b.Erase = append(b.Erase, raftstore.Range{From: r.optional(), To: r.optional()})
	}
	for len(r.rest) > 0 {
		change := kv.Write{Key: r.bytes()}
		if r.number() == 0 {
			change.Delete = true
		} else {
			change.Value = r.bytes()
		}
		b.Writes = append(b.Writes, change)
	}
	return b, r.err
}
