package pebblekv

import (
	"errors"
	"iter"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/elasticcode/flow/raftstore"
)

// Snapshot gives the state as it is now.
func (s *Store) Snapshot() raftstore.Snapshot {
	if err := s.enter(); err != nil {
		return unreadable{err}
	}
	return &snapshot{store: s, of: s.db.NewSnapshot()}
}

// unreadable is the snapshot of a closed store.
type unreadable struct{ err error }

func (u unreadable) Get([]byte) ([]byte, bool) { panic(raftstore.ReadError{Err: u.err}) }
func (u unreadable) Scan(_, _ []byte) iter.Seq2[[]byte, []byte] {
	panic(raftstore.ReadError{Err: u.err})
}
func (u unreadable) ScanBack(_, _ []byte) iter.Seq2[[]byte, []byte] {
	panic(raftstore.ReadError{Err: u.err})
}
func (u unreadable) Rest()        {}
func (u unreadable) Close() error { return nil }

type snapshot struct {
	store *Store
	of    *pebble.Snapshot

	mu   sync.Mutex
	idle *pebble.Iterator // left by the last scan: making one costs more than moving it
}

func (s *snapshot) Get(key []byte) ([]byte, bool) {
	value, closer, err := s.of.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false
	}
	if err != nil {
		panic(raftstore.ReadError{Err: failure(err)})
	}
	out := append([]byte{}, value...)
	if err := closer.Close(); err != nil {
		panic(raftstore.ReadError{Err: failure(err)})
	}
	return out, true
}

func (s *snapshot) Scan(from, to []byte) iter.Seq2[[]byte, []byte] {
	return s.scan(from, to, (*pebble.Iterator).First, (*pebble.Iterator).Next)
}

func (s *snapshot) ScanBack(from, to []byte) iter.Seq2[[]byte, []byte] {
	return s.scan(from, to, (*pebble.Iterator).Last, (*pebble.Iterator).Prev)
}

type move func(*pebble.Iterator) bool

func (s *snapshot) scan(from, to []byte, first, next move) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		it := s.take(from, to)
		defer s.leave(it)
		for ok := first(it); ok; ok = next(it) {
			value, err := it.ValueAndErr()
			if err != nil {
				panic(raftstore.ReadError{Err: failure(err)})
			}
			key := it.Key()
			// What a view gives stays good while the iterator moves on.
			pair := append(append(make([]byte, 0, len(key)+len(value)), key...), value...)
			if !yield(pair[:len(key):len(key)], pair[len(key):]) {
				return
			}
		}
		if err := it.Error(); err != nil {
			panic(raftstore.ReadError{Err: failure(err)})
		}
	}
}

func (s *snapshot) take(from, to []byte) *pebble.Iterator {
	s.mu.Lock()
	it := s.idle
	s.idle = nil
	s.mu.Unlock()
	if it != nil {
		it.SetBounds(from, to)
		return it
	}
	it, err := s.of.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		panic(raftstore.ReadError{Err: failure(err)})
	}
	return it
}

func (s *snapshot) leave(it *pebble.Iterator) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle == nil && it.Error() == nil {
		s.idle = it
		return
	}
	it.Close()
}

// Rest closes the iterator at hand, which keeps memtables and files that the
// store has done with.
func (s *snapshot) Rest() { s.rest() }

func (s *snapshot) rest() error {
	s.mu.Lock()
	it := s.idle
	s.idle = nil
	s.mu.Unlock()
	if it == nil {
		return nil
	}
	return it.Close()
}

func (s *snapshot) Close() error {
	err := errors.Join(s.rest(), s.of.Close())
	s.store.inside.Done()
	return err
}
