// Package pebblekv keeps the state of a node's groups in Pebble.
package pebblekv

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/raftstore"
)

// Store is a raftstore.KV. Pebble's own log is off: the groups' logs hold what
// a crash takes from memory, and a snapshot's marker waits for Flush.
type Store struct {
	db    *pebble.DB
	cache *pebble.Cache
	kinds *kinds

	mu     sync.Mutex
	closed bool           // nothing enters any more
	ending chan struct{}  // closed with it: flushes that wait for room on the disk give up
	inside sync.WaitGroup // operations and open snapshots: Pebble must not be closed under them
}

var errClosed = errors.New("state store is closed")

// enter counts an operation in, unless the store is closed.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.inside.Add(1)
	return nil
}

// What Pebble may take. A memtable is what a crash makes the log replay. Pebble
// takes the memory of its memtables (the one that is written, one that is being
// flushed, one that is kept to be used again) out of its cache: one that is no
// larger than they are holds nothing, and each read of a table goes to the disk.
const (
	memTableSize = 16 << 20
	blocksSize   = 24 << 20
	cacheSize    = blocksSize + 3*memTableSize
	// What is in L0 is rewritten together with what it overlaps below (kinds.go):
	// the more comes together before, the less is rewritten. A read of a key that
	// is not there asks one filter more for each.
	compactFrom = 8 // layers of L0
	openFiles   = 500
	retryFull   = 500 * time.Millisecond // between tries to write to a full disk
	sayFull     = 10 * time.Second       // between words in the log of it
)

// Open opens the store in a directory, which it makes when it is missing.
func Open(dir string, logger *slog.Logger) (*Store, error) { return open(dir, disk(), logger) }

func open(dir string, on vfs.FS, logger *slog.Logger) (*Store, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	on = vfs.OnDiskFull(on, diskFull(logger))
	cache := pebble.NewCache(cacheSize)
	kinds := newKinds()
	options := &pebble.Options{
		FS: on, DisableWAL: true, Cache: cache, MemTableSize: memTableSize, MemTableStopWritesThreshold: 4, MaxOpenFiles: openFiles,
		L0CompactionThreshold: compactFrom,
		FormatMajorVersion:    pebble.FormatNewest, Logger: pebbleLogger{logger},
		EventListener: &pebble.EventListener{
			FlushEnd: kinds.flushed,
			BackgroundError: func(err error) {
				if !errors.Is(err, syscall.ENOSPC) { // diskFull tells of that
					logger.Error("state store: background work failed", "error", err.Error())
				}
			},
			// Reads that meet the damage say so, and stop their group.
			DataCorruption: func(i pebble.DataCorruptionInfo) {
				logger.Error("state store: damaged file", "file", i.Path, "error", i.Details)
			},
		},
	}
	options.Experimental.SpanPolicyFunc = kinds.policy
	// One compaction runs at a time, so that the next can begin when one ends or a flush does,
	// and at no other time: the usual scheduler looks ten times a second, of an idle node too.
	options.Experimental.CompactionScheduler = pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()
	options.CompactionConcurrencyRange = func() (lower, upper int) { return 1, 1 }
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(dir, options)
	if err != nil {
		cache.Unref()
		return nil, fmt.Errorf("open state store %s: %w", dir, failure(err))
	}
	return &Store{db: db, cache: cache, kinds: kinds, ending: make(chan struct{})}, nil
}

// diskFull slows Pebble down, which tries a flush that failed again at once and
// without end, and says so once in a while.
func diskFull(logger *slog.Logger) func() {
	var mu sync.Mutex
	var said time.Time
	return func() {
		mu.Lock()
		if now := time.Now(); now.Sub(said) >= sayFull {
			said = now
			logger.Error("state store: disk full; it goes on when there is room")
		}
		mu.Unlock()
		time.Sleep(retryFull)
	}
}

// Commit applies a batch atomically; it is on disk after the next Flush.
func (s *Store) Commit(b raftstore.Batch) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.inside.Done()
	batch := s.db.NewBatchWithSize(sizeOf(b.Writes))
	defer batch.Close()
	for _, r := range b.Erase {
		if err := batch.DeleteRange(r.From, r.To, nil); err != nil {
			return err
		}
	}
	for _, w := range b.Writes {
		var err error
		if w.Delete {
			err = batch.Delete(w.Key, nil)
		} else {
			err = batch.Set(w.Key, w.Value, nil)
		}
		if err != nil {
			return err
		}
	}
	s.kinds.written(b.Writes)
	return batch.Commit(pebble.NoSync)
}

// sizeOf is how much memory a batch of writes takes, about: a large one would be
// copied time and again as it grows.
func sizeOf(writes []kv.Write) int {
	const header, each = 12, 1 + 2*5 // kind and two lengths
	n := header
	for _, w := range writes {
		n += each + len(w.Key) + len(w.Value)
	}
	return n
}

// Flush writes what is in memory to the disk, and waits for it, on a full disk
// until there is room or the store is closed.
func (s *Store) Flush() error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.inside.Done()
	flushed, err := s.db.AsyncFlush()
	if err != nil || flushed == nil {
		return err
	}
	select {
	case <-flushed:
		return nil
	case <-s.ending:
		return errClosed
	}
}

// Close ends the store, once all snapshots have been closed. What was not
// flushed is left to the logs.
func (s *Store) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	if !closed {
		close(s.ending)
	}
	s.mu.Unlock()
	if closed {
		return errClosed
	}
	s.inside.Wait()
	err := s.db.Close()
	s.cache.Unref()
	return err
}

// failure is an error of Pebble's as a raftstore.KV gives it: damage, and a file
// that is gone, as such, without the details that Pebble puts on further lines.
func failure(err error) error {
	if !pebble.IsCorruptionError(err) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("%s: %w", text, raftstore.ErrCorrupt)
}

// pebbleLogger passes Pebble's log on.
type pebbleLogger struct{ to *slog.Logger }

func (l pebbleLogger) Infof(format string, args ...any) {
	l.to.Debug("pebble", "message", fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.to.Warn("pebble", "message", fmt.Sprintf(format, args...))
}

// Fatalf must not return. Pebble calls it when its list of files could not be
// written or synced; no group of this node can go on after that.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.to.Error("state store cannot go on", "message", fmt.Sprintf(format, args...))
	panic("state store: " + fmt.Sprintf(format, args...))
}
