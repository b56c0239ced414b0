package raftstore

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/buggify"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// applier is the group's state as raft drives it. Raft calls it from one
// goroutine at a time.
type applier struct {
	group   messages.GroupID
	kv      KV
	state   *state
	machine Machine
	events  *events
	waiters waiters
	digests digests
	fail    func(error) // must not block
	failed  func() error
	news    func() // told that more is committed

	snapshots *snapshots
	behind    chan struct{} // told when a snapshot is due
	threshold int64

	since atomic.Int64 // log bytes applied since the last snapshot
}

// at is how far the state has come.
func (a *applier) at() record { return a.state.at() }

// advance tells how far the state has come.
func (a *applier) advance(r record) {
	a.digests.add(r.applied, r.digest)
	a.waiters.reach(r.applied)
}

// Apply is not called by raft, for there is ApplyBatch.
func (a *applier) Apply(l *raft.Log) any { return a.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch applies committed entries. The response of a command entry is a
// []messages.Result, or an error when the replica has stopped.
func (a *applier) ApplyBatch(logs []*raft.Log) []any {
	a.news()
	responses := make([]any, len(logs))
	for i, l := range logs {
		results, err := a.entry(l)
		if err != nil {
			responses[i] = err
			continue
		}
		responses[i] = results
		a.since.Add(cost(l))
	}
	if a.since.Load() >= a.threshold || buggify.On(buggify.EarlySnapshot) {
		select {
		case a.behind <- struct{}{}:
		default:
		}
	}
	return responses
}

// entry applies one entry, unless its effects are in the state already.
func (a *applier) entry(l *raft.Log) ([]messages.Result, error) {
	if err := a.failed(); err != nil {
		return nil, err
	}
	at := a.at()
	if l.Index <= at.applied && !plant.On(plant.ApplyTwice) {
		return nil, nil
	}
	var results []messages.Result
	var members []byte
	var err error
	switch l.Type {
	case raft.LogCommand:
		if results, err = a.commands(&at, l); err == nil {
			at.digest = digest(at.digest, l.Index, a.state.changed)
		}
	case raft.LogConfiguration:
		if _, err = decodeMembers(l.Data); err == nil {
			members = membersAt(l.Index, l.Data)
		}
	}
	if err != nil {
		err = fmt.Errorf("apply entry %d of %s: %w", l.Index, a.group.Name(), err)
		a.fail(err)
		return nil, err
	}
	at.applied, at.term = l.Index, l.Term
	a.state.commit(at, members, cost(l))
	if a.state.full() || buggify.On(buggify.EarlyPage) {
		a.state.turn()
	}
	a.advance(at)
	if results != nil {
		a.events.applied(l.Index, results)
	}
	return results, nil
}

// commands runs an entry's commands over the state.
func (a *applier) commands(at *record, l *raft.Log) (results []messages.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	entry, err := messages.DecodeEntry(l.Data)
	if err != nil {
		return nil, err
	}
	// A new leader's clock may be behind the old one's.
	at.time = max(at.time, entry.Time)
	results, err = a.machine.ApplyEntry(a.state.begin(l.Index), l.Index, at.time, entry.Commands)
	if err == nil && len(results) != len(entry.Commands) {
		err = fmt.Errorf("%d commands gave %d results", len(entry.Commands), len(results))
	}
	return results, err
}

// panicked turns what a state machine or a store panicked with into an error.
func panicked(p any) error {
	var read ReadError
	if err, ok := p.(error); ok && errors.As(err, &read) {
		return read
	}
	return fmt.Errorf("panic: %v\n%s", p, debug.Stack())
}

// Snapshot promises a snapshot of the state as it is now. Raft calls it between
// entries: it turns the page, and the flush that follows makes durable at least
// this.
func (a *applier) Snapshot() (raft.FSMSnapshot, error) {
	if err := a.failed(); err != nil {
		return nil, err
	}
	at := a.at()
	if at.applied == 0 {
		return nil, raft.ErrNothingNewToSnapshot
	}
	return flushed{a, a.state.turn(), at.applied, a.since.Load()}, nil
}

// flushed is a snapshot to be: a page in the store, a flush, then a marker.
type flushed struct {
	of      *applier
	page    *page // nil: the store had it all
	applied uint64
	since   int64
}

func (f flushed) Persist(to raft.SnapshotSink) error {
	if err := f.page.wait(); err != nil {
		return err
	}
	if err := f.of.kv.Flush(); err != nil {
		err = fmt.Errorf("flush the state of %s: %w", f.of.group.Name(), err)
		f.of.fail(err)
		return err
	}
	if err := to.(*sink).mark(f.applied); err != nil {
		return err
	}
	f.of.since.Add(-f.since)
	return nil
}

func (f flushed) Release() {}

// Restore replaces the state by a snapshot that was received whole.
func (a *applier) Restore(from io.ReadCloser) error {
	defer from.Close()
	if err := a.failed(); err != nil {
		return err
	}
	r, err := a.snapshots.install(from, a.at().incarnation)
	if err != nil {
		err = fmt.Errorf("install a snapshot of %s: %w", a.group.Name(), err)
		a.fail(err) // the state may be half gone
		return err
	}
	a.since.Store(0)
	a.advance(r)
	return nil
}
