package discovery

import (
	"context"
	"fmt"
	"os"
	"time"
)

// lockPause is the pause between tries of a lock that somebody holds. Locks are
// held for milliseconds, and the system call that waits cannot be cancelled.
const lockPause = 5 * time.Millisecond

// Lock locks a file for this process alone, until the file is closed or the
// process ends. ok false: another process holds it.
func Lock(path string) (held *os.File, ok bool, err error) {
	held, err = tryLock(path, false)
	return held, held != nil, err
}

func lockWaiting(ctx context.Context, path string) (*os.File, error) {
	for {
		f, err := tryLock(path, false)
		if f != nil || err != nil {
			return f, err
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the lock %s: %w", path, ctx.Err())
		}
	}
}
