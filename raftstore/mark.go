package raftstore

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// highWater remembers, apart from the log, how far the log is known to reach. A
// log that ends below it after a restart has lost entries that others may have
// counted: the log stores cannot tell that from a log that never had them.
//
// It is raised behind the log, in the background, and lowered before a suffix
// of the log is cut off.
type highWater struct {
	stable values
	synced atomic.Uint64 // last index that the log store has on disk
	dirty  chan struct{}
	stop   chan struct{}
	done   sync.WaitGroup

	mu    sync.Mutex // held over each write of the mark, and over each cut of the log
	value uint64     // as on disk. Invariant: value <= the log's end, or the snapshot's index
}

// values is the part of a stable store that the mark needs.
type values interface {
	Get(key []byte) ([]byte, error)
	Set(key, value []byte) error
}

const (
	markEvery   = time.Second // how far the mark may lag in time
	markEntries = 1000        // and in entries
)

var markKey = []byte("flow.mark")

func openMark(stable values) (*highWater, error) {
	h := &highWater{stable: stable, dirty: make(chan struct{}, 1), stop: make(chan struct{})}
	b, err := stable.Get(markKey)
	if err != nil && !isNotFound(err) {
		return nil, fmt.Errorf("read high-water mark: %w", err)
	}
	if len(b) == 8 {
		h.value = binary.BigEndian.Uint64(b)
	}
	return h, nil
}

// check compares the mark with where the log, or the snapshot below it, ends.
func (h *highWater) check(end uint64) error {
	if end < h.value {
		return fmt.Errorf("log ends at %d, but reached %d before: %w", end, h.value, ErrLostState)
	}
	return nil
}

// start begins to raise the mark behind the log, whose end is on disk.
func (h *highWater) start(end uint64) {
	h.synced.Store(end)
	h.done.Go(h.run)
}

// appended says that the log store has entries up to index on disk.
func (h *highWater) appended(index uint64) {
	h.synced.Store(index)
	select {
	case h.dirty <- struct{}{}:
	default:
	}
}

func (h *highWater) run() {
	timer := time.NewTimer(markEvery)
	timer.Stop()
	armed := false
	for {
		select {
		case <-h.dirty:
			if h.lag() < markEntries {
				if !armed {
					timer.Reset(markEvery)
					armed = true
				}
				continue
			}
		case <-timer.C:
		case <-h.stop:
			return
		}
		timer.Stop()
		armed = false
		if h.raise() != nil {
			return // the guard has stopped the replica
		}
	}
}

func (h *highWater) lag() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.synced.Load() - min(h.value, h.synced.Load())
}

func (h *highWater) raise() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if to := h.synced.Load(); to > h.value {
		return h.write(to)
	}
	return nil
}

// write stores the mark; mu is held.
func (h *highWater) write(to uint64) error {
	if err := h.stable.Set(markKey, binary.BigEndian.AppendUint64(nil, to)); err != nil {
		return fmt.Errorf("write high-water mark %d: %w", to, err)
	}
	h.value = to
	return nil
}

// cut lowers the mark to where the log will end, then lets do cut it there. In
// between the mark may be too low, which loses nothing but vigilance.
func (h *highWater) cut(end uint64, do func() error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.value > end {
		if err := h.write(end); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return err
	}
	h.synced.Store(min(h.synced.Load(), end))
	return nil
}

// close raises the mark a last time, unless the log has failed.
func (h *highWater) close(clean bool) error {
	close(h.stop)
	h.done.Wait()
	if !clean {
		return nil
	}
	return h.raise()
}
