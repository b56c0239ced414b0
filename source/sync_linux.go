package source

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// syncTree makes everything below a directory durable, with one call for all
// its files.
func syncTree(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
