package raftstore

import (
	"sync"

	"github.com/elasticcode/flow/kv"
)

// Memory is a KV in memory, for tests and the simulated world. Like the one on
// disk it loses, in a crash, a suffix of the batches since its last Flush.
type Memory struct {
	mu      sync.Mutex
	now     *kv.Map
	durable *kv.Map
	since   []Batch // committed since the last Flush, oldest first
	closed  bool
}

// NewMemory gives an empty store.
func NewMemory() *Memory { return &Memory{now: kv.NewMap(), durable: kv.NewMap()} }

func (m *Memory) Commit(b Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errClosed
	}
	m.since = append(m.since, b)
	apply(m.now, b)
	return nil
}

func apply(to *kv.Map, b Batch) {
	for _, r := range b.Erase {
		var gone [][]byte
		for k := range to.Scan(r.From, r.To) {
			gone = append(gone, k)
		}
		for _, k := range gone {
			to.Delete(k)
		}
	}
	for _, w := range b.Writes {
		if w.Delete {
			to.Delete(w.Key)
		} else {
			to.Set(w.Key, w.Value)
		}
	}
}

type memorySnapshot struct{ *kv.Map }

func (memorySnapshot) Rest()        {}
func (memorySnapshot) Close() error { return nil }

func (m *Memory) Snapshot() Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	return memorySnapshot{m.now.Clone()}
}

func (m *Memory) Flush() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errClosed
	}
	m.durable, m.since = m.now.Clone(), nil
	return nil
}

func (m *Memory) Close() error {
	if err := m.Flush(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Unflushed is how many batches a crash may lose now.
func (m *Memory) Unflushed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.since)
}

// Crash ends the store, and gives it as the disk has it after a crash that kept
// the first keep batches since the last Flush.
func (m *Memory) Crash(keep int) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	after := m.durable.Clone()
	for _, b := range m.since[:min(keep, len(m.since))] {
		apply(after, b)
	}
	return &Memory{now: after.Clone(), durable: after}
}
