// Package disk watches a process and keeps what it has made durable: the bytes
// of each file as of its last fsync, the names of each directory as of its. A
// kill leaves the page cache as it is, so that a program that never syncs
// survives it; an image written from here is what a loss of power could have
// left.
package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// ErrNotTraced says that this machine does not let a process be followed.
var ErrNotTraced = errors.New("processes cannot be traced here")

// Image is what is durable below a root directory, by the letter of POSIX:
// contents when the file is synced, names when the directory is. File systems
// keep more than that, but not all of them the same.
type Image struct {
	root string

	mu    sync.Mutex
	clock uint64
	kept  map[id]*synced
	syncs int
}

// id is a file for as long as it lives. Inodes alone are used again.
type id struct {
	inode uint64
	born  int64
}

// synced is a file or a directory as one sync makes it durable. It is read
// before the call is let through: what is written while the call runs may or
// may not be on disk after it.
type synced struct {
	id      id
	at      uint64 // orders syncs of the same file by their beginning
	mode    fs.FileMode
	content []byte           // of a file; a link's target
	names   map[string]named // of a directory
}

type named struct {
	id   id
	mode fs.FileMode
}

// NewImage begins with nothing durable.
func NewImage(root string) *Image { return &Image{root: root, kept: map[id]*synced{}} }

// Adopt takes everything below the root as durable, for a process that starts
// on files that are there.
func (m *Image) Adopt() error {
	all, err := m.readBelow(m.root)
	if err == nil {
		m.commit(all)
	}
	return err
}

func (m *Image) readBelow(dir string) (all []*synced, err error) {
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			var s *synced
			if s, err = m.read(path, path); s != nil {
				all = append(all, s)
			}
		}
		if errors.Is(err, fs.ErrNotExist) { // it has gone meanwhile
			return nil
		}
		return err
	})
	return all, err
}

// Syncs counts the syncs below the root.
func (m *Image) Syncs() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.syncs
}

// below says whether a path is the root or below it.
func (m *Image) below(path string) bool {
	r, err := filepath.Rel(m.root, path)
	return err == nil && r != ".." && !strings.HasPrefix(r, "../")
}

// read looks at a file by one path, and at a directory's names by another: a
// handle of another process's cannot be listed. What cannot be kept is nil.
func (m *Image) read(handle, path string) (*synced, error) {
	m.mu.Lock()
	m.clock++
	s := &synced{at: m.clock}
	m.mu.Unlock()
	stat := os.Lstat
	if handle != path {
		stat = os.Stat
	}
	info, err := stat(handle)
	if err != nil {
		return nil, err
	}
	s.mode = info.Mode()
	if s.id, err = identify(handle, handle != path, info); err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		s.names, err = list(path)
	case s.mode&fs.ModeSymlink != 0:
		var target string
		target, err = os.Readlink(path)
		s.content = []byte(target)
	case s.mode.IsRegular():
		s.content, err = content(handle)
	default:
		return nil, nil
	}
	return s, err
}

func list(dir string) (map[string]named, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := map[string]named{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // it has gone meanwhile
		}
		if i, err := identify(filepath.Join(dir, e.Name()), false, info); err == nil {
			names[e.Name()] = named{i, info.Mode()}
		}
	}
	return names, nil
}

// content reads a file without its holes, of which logs that are laid out in
// advance have many.
func content(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, info.Size())
	const seekData, seekHole = 3, 4
	for at := int64(0); at < int64(len(b)); {
		from, err := f.Seek(at, seekData)
		if err != nil {
			break // no data any more
		}
		to, err := f.Seek(from, seekHole)
		if err != nil {
			to = int64(len(b))
		}
		to = min(to, int64(len(b)))
		if from >= to {
			break
		}
		if _, err := f.ReadAt(b[from:to], from); err != nil && err != io.EOF {
			return nil, err
		}
		at = to
	}
	return b, nil
}

func (m *Image) commit(all []*synced) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.syncs++
	for _, s := range all {
		if before := m.kept[s.id]; before == nil || before.at < s.at {
			m.kept[s.id] = s
		}
	}
}

// Write lays the image out below a new directory. A name whose file was never
// synced becomes an empty file.
func (m *Image) Write(to string) error {
	info, err := os.Stat(m.root)
	if err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	root, err := identify(m.root, false, info)
	if err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.write(to, named{root, info.Mode()}); err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	return nil
}

func (m *Image) write(to string, n named) error {
	s := m.kept[n.id]
	if s == nil {
		s = &synced{}
	}
	switch {
	case n.mode.IsRegular():
		return os.WriteFile(to, s.content, n.mode.Perm())
	case n.mode&fs.ModeSymlink != 0:
		return os.Symlink(string(s.content), to)
	case !n.mode.IsDir():
		return nil
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for name, below := range s.names {
		if err := m.write(filepath.Join(to, name), below); err != nil {
			return err
		}
	}
	return nil
}
