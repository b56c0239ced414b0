package raftstore

import (
	"log/slog"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
)

// Bounds of one group. Reaching one is a typed error or makes the caller wait.
const (
	MaxBatchCommands = messages.MaxEntryCommands // commands in one log entry
	MaxBatchBytes    = 256 << 10                 // bytes after which an entry takes no further command
	MaxInFlight      = 4                         // entries proposed and not yet applied
	MaxQueued        = 8192                      // proposals that wait for their entry
	MaxQueuedBytes   = 64 << 20                  // bytes of those
	MaxEvents        = 1024                      // events that wait for the observer
	maxAppendEntries = 64                        // entries in one AppendEntries request, and in one batch for the state machine
	maxPooledConns   = 2                         // idle connections kept to each peer
)

// Config says where a node's groups live and how they keep time. The zero value
// of every field but Dir and Node has a default.
type Config struct {
	Dir  string
	Node messages.NodeID

	Heartbeat time.Duration // a follower that hears nothing for this long asks for an election; 500 ms
	Election  time.Duration // a candidate that is not elected for this long asks again; 500 ms
	Lease     time.Duration // a leader without a majority for this long steps down; 400 ms
	Commit    time.Duration // a leader tells its followers of a commit after at most twice this; 2 ms
	RPC       time.Duration // a peer that does not answer a request for this long is given up; 5 s

	SnapshotBytes int64  // log bytes applied since the last snapshot that call for the next; 64 MiB a group
	TrailingBytes int64  // log bytes kept behind a snapshot, for followers that lag; 64 MiB a group
	CacheBytes    int64  // latest log entries held in memory; 16 MiB a node
	PageBytes     int64  // changes held in memory, or log bytes of those, that are written to the state store; 4 MiB a node
	ReserveBytes  uint64 // free disk bytes below which this node's disk is short; 256 MiB
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func (c Config) withDefaults() Config {
	orDefault(&c.Heartbeat, 500*time.Millisecond)
	orDefault(&c.Election, 500*time.Millisecond)
	orDefault(&c.Lease, 400*time.Millisecond)
	orDefault(&c.Commit, 2*time.Millisecond)
	orDefault(&c.RPC, 5*time.Second)
	orDefault(&c.SnapshotBytes, 64<<20)
	orDefault(&c.TrailingBytes, 64<<20)
	orDefault(&c.CacheBytes, 16<<20)
	orDefault(&c.PageBytes, 4<<20)
	orDefault(&c.ReserveBytes, 256<<20)
	return c
}

// Parts are what a store is built on: what a simulated world replaces.
type Parts struct {
	KV   KV   // state of all groups; the store closes it
	Logs Logs // opens a group's log
	// Pulse connects to other nodes for the heartbeats of all groups; nil: there are
	// none. The store closes it.
	Pulse raft.StreamLayer
	Now   func() time.Time // stamps log entries
	Free  func() uint64    // bytes free on the disk of Config.Dir; nil: never short
	// Other says whether another node lives, and whether its disk is short; nil:
	// all live, and none is.
	Other  func(messages.NodeID) (lives, short bool)
	Logger *slog.Logger
	Name   func(messages.NodeID) string // what people call a node, for the log; nil: its id
}
