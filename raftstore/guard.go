package raftstore

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

var errClosed = errors.New("store is closed")

// guard stands between raft and a log store, none of which is safe alone:
//
//   - every entry carries a checksum, verified on every read;
//   - a high-water mark tells a log that lost its end from one that never had it;
//   - the first I/O error is the last operation: what an fsync failed to write
//     may be gone from the page cache, so a second one proves nothing.
type guard struct {
	log    LogStore
	stable *votes
	cache  *groupCache
	mark   *highWater
	sizes  *sizes
	fail   func(error) // called once, must not block
	news   func()      // told that the log has grown; nil: nobody cares

	snapshot atomic.Uint64 // index that the durable snapshot covers
	broken   atomic.Pointer[error]

	mu     sync.RWMutex // held to close; raft leaves goroutines behind that read
	closed bool
}

// openGuard wraps a group's freshly opened stores.
func openGuard(log LogStore, stable StableStore, cache *groupCache, fail func(error)) (*guard, error) {
	g := &guard{log: log, cache: cache, sizes: new(sizes), fail: fail}
	g.stable = &votes{guard: g, store: stable}
	var err error
	g.mark, err = openMark(g.stable)
	return g, err
}

// start says that the log is as it should be, and begins to guard its end.
func (g *guard) start() error {
	last, err := g.LastIndex()
	g.mark.start(last)
	return err
}

// reconcile compares the log with the snapshot that is installed, and with the
// high-water mark, before raft starts on it.
func (g *guard) reconcile(m marker) error {
	g.snapshot.Store(m.index)
	first, last, err := g.bounds()
	if err != nil {
		return err
	}
	if err := g.mark.check(max(last, m.index)); err != nil {
		return err
	}
	if last == 0 {
		return nil
	}
	if first > m.index+1 {
		return fmt.Errorf("log begins at %d, but the snapshot ends at %d: %w", first, m.index, ErrLostState)
	}
	keep := last >= m.index
	if keep && first <= m.index {
		var at raft.Log
		if err := g.read(m.index, &at); err != nil {
			return err
		}
		keep = at.Term == m.term
	}
	if keep {
		return nil
	}
	// A snapshot was installed over a log that ended before it or went another
	// way; raft would find a gap, or a conflict it cannot resolve.
	return g.DeleteRange(first, last)
}

func (g *guard) bounds() (first, last uint64, err error) {
	if first, err = g.FirstIndex(); err != nil {
		return 0, 0, err
	}
	last, err = g.LastIndex()
	return first, last, err
}

// breaks makes the first error final.
func (g *guard) breaks(err error) error {
	if g.broken.CompareAndSwap(nil, &err) {
		g.fail(err)
	}
	return *g.broken.Load()
}

// do runs an operation of a store that has not failed and is not closed. A
// panic is an error like any other: bbolt reports damage that way.
func (g *guard) do(op string, f func() error) (err error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return errClosed
	}
	if broken := g.broken.Load(); broken != nil {
		return *broken
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v: %w", p, ErrCorrupt)
		}
		if err != nil && !errors.Is(err, raft.ErrLogNotFound) && !isNotFound(err) {
			err = g.breaks(fmt.Errorf("%s: %w", op, err))
		}
	}()
	// A file shorter than its pages say is a fault in mapped memory.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return f()
}

func (g *guard) FirstIndex() (index uint64, err error) {
	err = g.do("read first index of log", func() error { index, err = g.log.FirstIndex(); return err })
	return index, err
}

func (g *guard) LastIndex() (index uint64, err error) {
	err = g.do("read last index of log", func() error { index, err = g.log.LastIndex(); return err })
	return index, err
}

// GetLog is raft's way to read.
func (g *guard) GetLog(index uint64, l *raft.Log) error {
	err := g.read(index, l)
	if err != nil && inLoop() {
		g.breaks(fmt.Errorf("read log entry %d to apply it: %w", index, err))
		runtime.Goexit()
	}
	return err
}

// read gives an entry as it was handed to StoreLogs.
func (g *guard) read(index uint64, l *raft.Log) error {
	if g.broken.Load() == nil && g.cache.get(index, l) {
		return nil
	}
	return g.do("read log", func() error {
		if err := g.log.GetLog(index, l); err != nil {
			return err
		}
		return unseal(index, l)
	})
}

func (g *guard) StoreLog(l *raft.Log) error { return g.StoreLogs([]*raft.Log{l}) }

func (g *guard) StoreLogs(logs []*raft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	sealed := make([]*raft.Log, len(logs))
	for i, l := range logs {
		sealed[i] = seal(l)
	}
	if err := g.do("append to log", func() error { return g.log.StoreLogs(sealed) }); err != nil {
		return err
	}
	g.cache.add(logs)
	g.sizes.add(logs)
	g.mark.appended(logs[len(logs)-1].Index)
	if g.news != nil {
		g.news()
	}
	return nil
}

// DeleteRange cuts a prefix, a suffix or all of the log.
func (g *guard) DeleteRange(from, to uint64) error {
	first, last, err := g.bounds()
	if err != nil || last == 0 {
		return err
	}
	remove := func() error {
		return g.do("cut log", func() error { return g.log.DeleteRange(from, to) })
	}
	g.cache.drop(from, to)
	if to < last {
		return remove()
	}
	end := g.snapshot.Load()
	if from > first {
		end = max(end, from-1)
	}
	if err := g.mark.cut(end, remove); err != nil {
		return g.breaks(err)
	}
	g.sizes.cut(end)
	return nil
}

// IsMonotonic makes raft empty the log after it installed a snapshot, for bolt
// too, which could live with the gap: then both kinds behave alike.
func (g *guard) IsMonotonic() bool { return true }

// inLoop says whether the caller is raft's main goroutine at a place where raft
// answers an error with a panic, which would take down the node and its other
// groups. Such a caller ends its goroutine instead: raft's deferred calls leave
// everything in order, and the group is being shut down. Raft's other
// goroutines must not end so; they take errors.
func inLoop() bool {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc)])
	deadly := false
	for {
		frame, more := frames.Next()
		switch _, method, _ := strings.Cut(frame.Function, "raft.(*Raft)."); method {
		case "processLogs", "setCurrentTerm":
			deadly = true
		case "run": // the loop itself, not NewRaft on a goroutine of ours
			return deadly
		}
		if !more {
			return false
		}
	}
}

// close closes both stores; raft has ended, but for goroutines that only read.
func (g *guard) close() error {
	err := g.mark.close(g.broken.Load() == nil)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	return errors.Join(err, g.log.Close(), g.stable.store.Close())
}
