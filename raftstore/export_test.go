package raftstore

import (
	"bytes"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/kv"
)

// What tests look at from outside.

// SnapshotIndex is the index of the replica's own snapshot.
func (g *Group) SnapshotIndex() uint64 { return g.snapshots.marker.Load().index }

// LogBounds are the first and last index of the log on disk.
func (g *Group) LogBounds() (first, last uint64) {
	first, last, _ = g.guard.bounds()
	return first, last
}

// BeginsRounds says whether who asks where the log ends begins a round.
func (g *Group) BeginsRounds() bool { return g.join() != nil }

// ForgetCache makes the next reads come from the disk.
func (g *Group) ForgetCache() { g.guard.cache.drop(0, 1<<62) }

// RaiseMark brings the high-water mark up to the log's end now.
func (g *Group) RaiseMark() error { return g.guard.mark.raise() }

// HeldBeats are the heartbeats that wait for their moment.
func (s *Store) HeldBeats() (n int) {
	s.pulse.mu.Lock()
	defer s.pulse.mu.Unlock()
	for _, l := range s.pulse.links {
		n += len(l.waiting)
	}
	return n
}

// Stream is a snapshot stream of a map.
func Stream(index, term, configIndex uint64, c raft.Configuration, state *kv.Map) []byte {
	var b bytes.Buffer
	h := head{record: record{applied: index, term: term, time: 1}, configIndex: configIndex, config: c}
	if err := writeStream(&b, h, state); err != nil {
		panic(err)
	}
	if int64(b.Len()) != streamSize(h, state) {
		panic("size of stream is wrong")
	}
	return b.Bytes()
}

// VerifyStream checks a stream.
func VerifyStream(b []byte) error {
	_, err := verifyStream(bytes.NewReader(b))
	return err
}

// SealValue gives a value as the stable store holds it.
var SealValue = sealValue
