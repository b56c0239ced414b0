//go:build !linux

package source

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// syncTree makes every file below a directory durable.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("sync: %w", err)
		}
		defer f.Close()
		return f.Sync()
	})
}
