package raftstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// ErrDiverged says that a replica's state is not what the same log gave most
// of the others: a disk, a memory or a program has erred. Nothing it holds can be
// trusted, so it must not serve again.
var ErrDiverged = errors.New("replica has come to another state than the others by the same log")

// divergedKey marks in the stable store a replica that must not start again.
var divergedKey = []byte("flow.diverged")

// maxDigests bounds how many entries back a digest is remembered.
const maxDigests = 1024

// digest hashes what an entry changed onto the digest of all entries before it.
// It is kept in the record, so that it always stands for the state beside it. The
// order in which the keys were changed does not count.
func digest(before, index uint64, changed []*item) uint64 {
	var sum uint64
	for _, it := range changed {
		sum += it.hash()
	}
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 24), before)
	b = binary.BigEndian.AppendUint64(b, index)
	return xxhash.Sum64(binary.BigEndian.AppendUint64(b, sum))
}

// hash is that of a key and of what it is now.
func (it *item) hash() uint64 {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 17), xxhash.Sum64String(it.key))
	v := it.now.Load()
	if v.gone {
		return xxhash.Sum64(b)
	}
	return xxhash.Sum64(binary.BigEndian.AppendUint64(b, xxhash.Sum64(v.value)))
}

// digests are the latest of a replica, by index.
type digests struct {
	mu   sync.Mutex
	ring [maxDigests]struct{ index, digest uint64 }
	next int
}

func (d *digests) add(index, digest uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ring[d.next] = struct{ index, digest uint64 }{index, digest}
	d.next = (d.next + 1) % maxDigests
}

func (d *digests) at(index uint64) (digest uint64, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.ring {
		if e.index == index && index > 0 {
			return e.digest, true
		}
	}
	return 0, false
}

// Digest is that of the state at an index that this replica has applied lately.
// Two replicas at the same index must agree.
func (g *Group) Digest(index uint64) (digest uint64, known bool) { return g.applier.digests.at(index) }

// Differs tells the replica the digest that most replicas have at an index. One
// that has another stops for good: it says so on its disk first, and does not
// open again.
func (g *Group) Differs(index, others uint64) {
	own, known := g.Digest(index)
	if !known || own == others || g.stopped() {
		return
	}
	err := fmt.Errorf("at entry %d its digest is %016x, and that of most others %016x: %w", index, own, others, ErrDiverged)
	if e := g.guard.stable.Set(divergedKey, binary.BigEndian.AppendUint64(nil, index)); e != nil {
		err = errors.Join(err, e)
	}
	g.fail(err)
}

// checkDiverged refuses a replica that stopped since it differed.
func checkDiverged(stable values) error {
	b, err := stable.Get(divergedKey)
	switch {
	case isNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("read whether the replica differs: %w", err)
	}
	if len(b) != 8 {
		return fmt.Errorf("read whether the replica differs: %w", ErrCorrupt)
	}
	return fmt.Errorf("found at entry %d: %w", binary.BigEndian.Uint64(b), ErrDiverged)
}
