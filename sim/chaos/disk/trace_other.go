//go:build !(linux && amd64)

package disk

import (
	"fmt"
	"os/exec"
	"runtime"
)

// Trace cannot follow a process on this system.
func Trace(cmd *exec.Cmd, _ *Image) (pid int, done <-chan struct{}, err error) {
	return 0, nil, fmt.Errorf("trace %s on %s/%s: %w", cmd.Path, runtime.GOOS, runtime.GOARCH, ErrNotTraced)
}
