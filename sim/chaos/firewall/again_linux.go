package firewall

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// ErrNotAllowed: this machine or user cannot have a firewall of its own.
var ErrNotAllowed = errors.New("no firewall of its own")

// inside is set in the environment of a process that Again has started.
const inside = "FLOW_OWN_NETWORK"

// Inside says whether this process has a network namespace to itself.
func Inside() bool { return os.Getenv(inside) != "" }

// Again runs this program anew, with other arguments, in a network namespace of
// its own, and waits for its end.
func Again(ctx context.Context, args ...string) error {
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w: %w", ErrNotAllowed, err)
		}
	}
	if out, err := own(exec.CommandContext(ctx, "nft", "list", "ruleset")).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %w %s", ErrNotAllowed, err, out)
	}
	runtime.LockOSThread() // the child is to end with it
	defer runtime.UnlockOSThread()
	c := own(exec.CommandContext(ctx, os.Args[0], args...))
	c.SysProcAttr.Pdeathsig = syscall.SIGKILL
	c.Env = append(os.Environ(), inside+"=1")
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	return c.Run()
}

func own(c *exec.Cmd) *exec.Cmd {
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	return c
}
