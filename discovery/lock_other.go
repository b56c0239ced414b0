//go:build !unix && !wasip1

package discovery

import (
	"errors"
	"os"
)

func tryLock(path string, _ bool) (*os.File, error) {
	return nil, &os.PathError{Op: "lock", Path: path, Err: errors.ErrUnsupported}
}
