package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const tmpfs = 0x01021994 // statfs type

// refuseMemory gives an error if a directory is not on a disk: figures from
// there would be bought with durability.
func refuseMemory(dir string) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return err
	}
	if s.Type == tmpfs {
		return fmt.Errorf("%s is in memory (tmpfs): set TMPDIR to a directory on a disk", dir)
	}
	return nil
}

// fsyncRate appends 4 KiB and syncs, one at a time: the floor under every
// durable write of this machine at this time.
func fsyncRate(ctx context.Context, dir string, d time.Duration) (Figure, error) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return Figure{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 4096)
	fig := closedLoop(ctx, 1, d, 1, func(context.Context, int) error {
		if _, err := f.Write(page); err != nil {
			return err
		}
		return syscall.Fdatasync(int(f.Fd()))
	})
	fig.What = "disk: append 4 KiB, fdatasync"
	return fig, nil
}
