//go:build unix

package discovery

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks a file, made if need be. nil without error: somebody holds it.
func tryLock(path string, shared bool) (*os.File, error) {
	flags, how := os.O_CREATE|os.O_RDWR, syscall.LOCK_EX
	if shared {
		flags, how = os.O_RDWR, syscall.LOCK_SH
	}
	f, err := os.OpenFile(path, flags|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return nil, nil
	}
	return nil, &os.PathError{Op: "lock", Path: path, Err: err}
}
