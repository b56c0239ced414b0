// Package disk watches a process and keeps what it has made durable: the bytes
// of each file as of its last fsync. A kill leaves the page cache as it is, so
// that a program that never syncs survives it; an image written from here is
// what a loss of power would have left.
package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// Image is what is durable below a root directory. Contents become durable when
// the file is synced; names when the directory is synced, or, for a file that
// has none yet, with the file (as ext4 and XFS do it). A directory is durable
// with the first name in it.
type Image struct {
	root string

	mu       sync.Mutex
	contents map[uint64][]byte            // by inode
	names    map[string]map[string]uint64 // directory, relative to root -> name -> inode
	syncs    int
}

// NewImage begins with nothing durable.
func NewImage(root string) *Image {
	return &Image{root: root, contents: map[uint64][]byte{}, names: map[string]map[string]uint64{}}
}

// Adopt takes everything below the root as durable, for a process that starts
// on files that are there.
func (m *Image) Adopt() error {
	return filepath.WalkDir(m.root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !entry.Type().IsRegular() {
			return err
		}
		s, err := read(path, path)
		if err != nil {
			return err
		}
		m.commit(s)
		return nil
	})
}

// Syncs counts the syncs below the root.
func (m *Image) Syncs() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.syncs
}

// synced is what one fsync makes durable, read before the call is let through:
// what is written while it runs may or may not be on disk after it.
type synced struct {
	path    string
	inode   uint64
	content []byte
	listing map[string]uint64 // of a directory; nil for a file
}

// read looks at a file: by handle for its content, by path for its name.
func read(handle, path string) (*synced, error) {
	info, err := os.Stat(handle)
	if err != nil {
		return nil, err
	}
	s := &synced{path: path, inode: inode(info)}
	if !info.IsDir() {
		s.content, err = os.ReadFile(handle)
		return s, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	s.listing = map[string]uint64{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			s.listing[e.Name()] = inode(info)
		}
	}
	return s, nil
}

func inode(info os.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }

// relative is the path below the root; ok is false outside of it.
func (m *Image) relative(path string) (string, bool) {
	r, err := filepath.Rel(m.root, path)
	return r, err == nil && r != ".." && !strings.HasPrefix(r, "../")
}

func (m *Image) commit(s *synced) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.syncs++
	r, _ := m.relative(s.path)
	if s.listing != nil {
		m.names[r] = s.listing
		return
	}
	m.contents[s.inode] = s.content
	dir, name := filepath.Split(r)
	dir = filepath.Clean(dir)
	if m.names[dir] == nil {
		m.names[dir] = map[string]uint64{}
	}
	for _, i := range m.names[dir] {
		if i == s.inode {
			return
		}
	}
	m.names[dir][name] = s.inode
}

// Write lays the image out below a new directory. A name whose file was never
// synced becomes an empty file.
func (m *Image) Write(to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for dir, names := range m.names {
		if err := os.MkdirAll(filepath.Join(to, dir), 0o755); err != nil {
			return fmt.Errorf("write image: %w", err)
		}
		for name, inode := range names {
			if err := os.WriteFile(filepath.Join(to, dir, name), m.contents[inode], 0o644); err != nil {
				return fmt.Errorf("write image: %w", err)
			}
		}
	}
	return nil
}
