// Package discovery lets the nodes and clients of one user find each other on
// one machine: each live node has an entry in a directory, with an advisory
// lock that ends with its process, however that ends.
package discovery

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Dir gives the user's directory for entries, and makes it: in
// $XDG_RUNTIME_DIR, or below the directory for temporary files.
func Dir() (string, error) {
	dir := filepath.Join(os.TempDir(), "elasticflow-"+strconv.Itoa(os.Getuid()))
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); runtime != "" {
		if i, err := os.Stat(runtime); err == nil && i.IsDir() {
			dir = filepath.Join(runtime, "elasticflow")
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the directory for live nodes: %w", err)
	}
	return dir, private(dir)
}

// private refuses a directory that somebody else could have put there.
func private(dir string) error {
	i, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look for live nodes: %w", err)
	}
	if !i.IsDir() {
		return fmt.Errorf("look for live nodes in %s: it is not a directory", dir)
	}
	if s, ok := i.Sys().(*syscall.Stat_t); ok && int(s.Uid) != os.Getuid() {
		return fmt.Errorf("look for live nodes in %s: it belongs to user %d; remove it, or set XDG_RUNTIME_DIR", dir, s.Uid)
	}
	if i.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("look for live nodes in %s: others may write or read there; run chmod 700 on it", dir)
	}
	return nil
}
