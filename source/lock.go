package source

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// locks let one builder at a time at each thing that is built, across
// goroutines and, where the system can, across processes.
type locks struct {
	dir string

	mu   sync.Mutex
	held map[string]chan struct{} // closed when the holder lets go
}

func newLocks(dir string) *locks { return &locks{dir: dir, held: map[string]chan struct{}{}} }

// lock waits for a name's lock and gives what lets it go.
func (l *locks) lock(ctx context.Context, name string) (unlock func(), err error) {
	for {
		l.mu.Lock()
		holder, busy := l.held[name]
		if !busy {
			l.held[name] = make(chan struct{})
		}
		l.mu.Unlock()
		if !busy {
			break
		}
		select {
		case <-holder:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	file, err := l.lockFile(ctx, filepath.Join(l.dir, name))
	release := func() {
		if file != nil {
			file.Close()
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		close(l.held[name])
		delete(l.held, name)
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// again is how long a process waits before it looks again for a lock that
// another process holds: the system wakes nobody who can still be cancelled.
const again = 20 * time.Millisecond

func (l *locks) lockFile(ctx context.Context, path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	for {
		got, err := tryLock(file)
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if got {
			return file, nil
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			file.Close()
			return nil, context.Cause(ctx)
		}
	}
}
