package raftstore

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// ErrCorrupt is what a log store or key-value store wraps when what it finds on
// disk cannot be what it wrote.
var ErrCorrupt = errors.New("stored data is damaged")

// ErrLostState says that a replica's disk holds less than the replica has
// promised to others. It must not start under its old id, for it would vote and
// count as if it still held what it lost: it rejoins under a new incarnation.
var ErrLostState = errors.New("replica has lost state it had acknowledged; it must rejoin under a new incarnation")

// Machine is a replicated state machine.
type Machine interface {
	// ApplyEntry applies the commands of one log entry in order, at its index and
	// time (microseconds UTC, never less than the last), and gives a result for
	// each. An error stops the replica; a refusal is in the reply. Every replica
	// calls it with the same arguments in the same order.
	ApplyEntry(tx kv.Tx, index uint64, now int64, commands []messages.Command) ([]messages.Result, error)
}

// OneByOne is a Machine whose commands have nothing to share within an entry.
type OneByOne func(tx kv.Tx, index uint64, now int64, c messages.Command) (messages.Result, error)

func (apply OneByOne) ApplyEntry(tx kv.Tx, index uint64, now int64, commands []messages.Command) ([]messages.Result, error) {
	results := make([]messages.Result, len(commands))
	for i, c := range commands {
		var err error
		if results[i], err = apply(tx, index, now, c); err != nil {
			return nil, fmt.Errorf("command %d of type %d: %w", i, c.Type, err)
		}
	}
	return results, nil
}

// Observer hears what happens to a replica. All calls come from one goroutine,
// in order; none may block for long, for the log is not applied meanwhile.
type Observer interface {
	// Applied gives the results of one log entry, on every replica, in log
	// order. Entries whose effects were on disk before a restart, or that came
	// with a snapshot, are not told again: their effects are read from state.
	Applied(index uint64, results []messages.Result)
	// Leading says that this replica leads and has applied all entries of
	// earlier terms. State read from now on may already hold entries whose
	// Applied is still to come: compare the index with that of the view.
	Leading(term uint64)
	// Following ends a Leading.
	Following()
}

// KV is a node's ordered store, shared by its groups. After a crash it holds
// what was committed up to some batch, at least up to the last Flush: a suffix
// of whole batches over all groups may be gone.
type KV interface {
	// Commit applies a batch atomically. Batches become visible and durable in
	// the order of the calls of one goroutine.
	Commit(b Batch) error
	// Snapshot gives the state as it is now, to be closed after use. Its reads
	// panic with a ReadError when the disk fails, since a View cannot return one.
	Snapshot() Snapshot
	// Flush returns when all that was committed before the call is on disk.
	Flush() error
	Close() error
}

// Batch is one atomic change of a KV. The store owns its memory afterwards.
type Batch struct {
	Erase  []Range // erased before the writes
	Writes []kv.Write
}

// Range is the keys in [From, To).
type Range struct{ From, To []byte }

// Snapshot is a View that does not change.
type Snapshot interface {
	kv.View
	// Rest gives up what scans leave behind to make the next ones cheap.
	Rest()
	Close() error
}

// ReadError is the panic of a snapshot whose store cannot be read.
type ReadError struct{ Err error }

func (e ReadError) Error() string { return "read state: " + e.Err.Error() }
func (e ReadError) Unwrap() error { return e.Err }

// Logs opens the log of a group in a directory of its own.
type Logs interface {
	// Kind names the format, e.g. "bolt". A group keeps the kind it was made with.
	Kind() string
	// Open opens the log and the stable store, which must not share a file. With
	// create they may be missing; without, missing ones are an ErrCorrupt.
	Open(group messages.GroupID, dir string, create bool) (LogStore, StableStore, error)
}

// LogStore keeps log entries. StoreLogs returns when they are on disk.
type LogStore interface {
	raft.LogStore
	Close() error
}

// StableStore keeps a few small values. Set returns when they are on disk.
type StableStore interface {
	raft.StableStore
	Close() error
}
