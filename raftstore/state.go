package raftstore

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// state is a group's state: pages of what its latest entries have changed, over
// what the node's store holds. The store is always at the end of some entry.
//
// One goroutine changes it: raft's that applies, or whoever has stopped raft.
// Others read it through views.
type state struct {
	group  messages.GroupID
	kv     KV
	prefix []byte
	fail   func(error) // must not block
	limit  func() int64

	applying uint64  // index of the entry whose changes come
	changed  []*item // by it
	written  uint64  // index that the store is at, or will be when before is written
	scratch  []byte

	mu      sync.Mutex
	record  record
	members []byte   // what writeMembers wrote last
	now     *page    // that entries change
	before  *page    // the one before it, in the store or on its way there; nil: none
	base    *base    // the store with all pages before these
	open    []uint64 // indices that views stand at, in ascending order
}

// base is a snapshot of the store that a state and its views share.
type base struct {
	Snapshot
	users int // guarded by the state's mu
}

func newState(group messages.GroupID, store KV, fail func(error), limit func() int64) *state {
	return &state{group: group, kv: store, prefix: machinePrefix(group), fail: fail, limit: limit}
}

// enter begins on what the store holds, at a record. Until then, and after
// leave, nobody can read.
func (s *state) enter(at record) error {
	b := &base{Snapshot: s.kv.Snapshot(), users: 1}
	var members []byte
	err := readable(func() error { members, _ = b.Get(ownKey(s.group, "config")); return nil })
	if err != nil {
		b.Close()
		return err
	}
	s.written = at.applied
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record, s.members, s.now, s.before, s.base = at, members, newPage(), nil, b
	return nil
}

// leave forgets what is not in the store: its keys are about to be replaced.
func (s *state) leave() {
	s.wait()
	s.mu.Lock()
	b := s.base
	s.now, s.before, s.base = nil, nil, nil
	s.mu.Unlock()
	s.release(b)
}

// close writes what the store lacks, unless the replica has failed.
func (s *state) close(clean bool) error {
	var err error
	if clean && s.now != nil {
		s.turn()
		err = s.wait()
	}
	s.leave()
	return err
}

// at is how far the state has come.
func (s *state) at() record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record
}

// commit shows what an entry has changed.
func (s *state) commit(at record, members []byte, bytes int64) {
	s.mu.Lock()
	s.record = at
	if members != nil {
		s.members = members
	}
	open := slices.Clone(s.open)
	s.mu.Unlock()
	for _, it := range s.changed {
		it.settle(open)
	}
	clear(s.changed)
	s.changed = s.changed[:0]
	s.now.log += bytes
	s.base.Rest()
}

// full says whether the page is to be written.
func (s *state) full() bool {
	limit := s.limit()
	return int64(s.now.bytes) >= limit || s.now.log >= limit
}

// turn begins a page, and writes the one before it in the background, once that
// before it has been written. It gives the last page on its way.
func (s *state) turn() *page {
	if s.record.applied == s.written || s.wait() != nil {
		return s.before
	}
	fresh := &base{Snapshot: s.kv.Snapshot(), users: 1}
	s.mu.Lock()
	old := s.base
	s.before, s.now, s.base = s.now, newPage(), fresh
	s.mu.Unlock()
	s.release(old)
	s.written = s.record.applied
	go s.write(s.before, []kv.Write{writeMembers(s.group, s.members), s.record.write(s.group)})
	return s.before
}

// write writes a page into the store, as one batch with the record it leads to.
func (s *state) write(p *page, own []kv.Write) {
	defer close(p.done)
	all := append(make([]kv.Write, 0, len(own)+p.order.Len()), own...)
	batch := Batch{Writes: slices.AppendSeq(all, p.writes(s.prefix))}
	if err := s.kv.Commit(batch); err != nil {
		p.err = fmt.Errorf("write the state of %s: %w", s.group.Name(), err)
		s.fail(p.err)
	}
}

// flush puts all of the state onto the disk.
func (s *state) flush() error {
	if err := s.turn().wait(); err != nil {
		return err
	}
	return s.kv.Flush()
}

// wait returns when the last page that was turned is in the store.
func (s *state) wait() error { return s.before.wait() }

func (p *page) wait() error {
	if p == nil {
		return nil
	}
	<-p.done
	return p.err
}

func (s *state) release(b *base) {
	if b == nil {
		return
	}
	s.mu.Lock()
	b.users--
	last := b.users == 0
	s.mu.Unlock()
	if last {
		b.Close()
	}
}

// begin makes the changes that come those of an entry, and gives the
// transaction for them. What an entry that fails has written nobody reads, and
// the replica stops.
func (s *state) begin(index uint64) kv.Tx {
	s.applying = index
	return tx{s}
}

// tx is a state as an entry's commands see and change it.
type tx struct{ *state }

func (s tx) Get(key []byte) ([]byte, bool) {
	v := s.now.newest(key)
	if v == nil && s.before != nil {
		v = s.before.newest(key)
	}
	if v != nil {
		return v.value, !v.gone
	}
	s.scratch = append(append(s.scratch[:0], s.prefix...), key...)
	value, ok := s.base.Get(s.scratch)
	s.now.keep(key, value, ok)
	return value, ok
}

func (s tx) Set(key, value []byte) { s.put(key, value, false) }
func (s tx) Delete(key []byte)     { s.put(key, nil, true) }

func (s tx) put(key, value []byte, gone bool) {
	it := s.now.write(key, s.applying, value, gone, func() bool { return s.absent(key) })
	if it != nil {
		s.changed = append(s.changed, it)
	}
}

// absent says whether a key that the page does not know is known not to be in
// the store when the page before it has been written.
func (s tx) absent(key []byte) bool {
	if s.before == nil {
		return false
	}
	v := s.before.newest(key)
	return v != nil && v.gone
}

func (s tx) Scan(from, to []byte) iter.Seq2[[]byte, []byte] {
	return scan(s.base, s.group, []*page{s.before, s.now}, math.MaxUint64, from, to, false)
}

func (s tx) ScanBack(from, to []byte) iter.Seq2[[]byte, []byte] {
	return scan(s.base, s.group, []*page{s.before, s.now}, math.MaxUint64, from, to, true)
}

// scan lays pages, the latest last, over a snapshot.
func scan(over Snapshot, g messages.GroupID, pages []*page, index uint64, from, to []byte, back bool) iter.Seq2[[]byte, []byte] {
	below := StateOf(over, g)
	seq := below.Scan
	if back {
		seq = below.ScanBack
	}
	out := seq(from, to)
	for _, p := range pages {
		if p != nil {
			out = kv.Merge(out, func() kv.Cursor { return p.changes(from, to, index, back) }, back)
		}
	}
	return out
}
