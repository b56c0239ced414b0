// Package identity keeps who a node is in its data directory: another
// directory is another node, and only one process may be it.
package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/elasticcode/flow/discovery"
	"github.com/elasticcode/flow/messages"
)

// Identity is who a node is.
type Identity struct {
	Node    messages.NodeID `json:"node"`    // made with the directory, never changes
	Boot    uint64          `json:"boot"`    // raised at each start, before anything is said to anybody
	Network string          `json:"network"` // empty: it belongs to none yet; never changes once set
	Name    string          `json:"name"`
}

const (
	file     = "identity"
	lockFile = "lock"
)

// Directory is a data directory that this process holds.
type Directory struct {
	path     string
	lock     *os.File
	identity atomic.Pointer[Identity] // replaced as a whole: many read it
	made     bool                     // Open made the directory itself
}

// Open takes a data directory, made if need be, and raises its boot counter.
// name empty: the one it had. CONFLICT: another process holds the directory.
func Open(path, name string) (*Directory, error) {
	const op = "open data directory"
	_, err := os.Stat(path)
	made := errors.Is(err, fs.ErrNotExist)
	if err := makeDurable(path); err != nil {
		return nil, messages.Errorf(messages.Invalid, op, path, "%v", err).WithHint("choose another with --data")
	}
	lock, ok, err := discovery.Lock(filepath.Join(path, lockFile))
	if err != nil {
		return nil, messages.Errorf(messages.Invalid, op, path, "%v", err).WithHint("choose another with --data")
	}
	if !ok {
		return nil, messages.Errorf(messages.Conflict, op, path, "another process uses it").WithHint("stop that node, or choose another with --data")
	}
	d := &Directory{path: path, lock: lock, made: made}
	i, err := Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		i, err = Identity{Node: messages.NodeID(uuid.NewString())}, nil
	}
	if err == nil {
		i.Boot++
		if name != "" {
			i.Name = name
		}
		err = d.write(i)
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("%s %s: %w", op, path, err)
	}
	return d, nil
}

// Read gives the identity in a data directory without taking it. It is
// fs.ErrNotExist for a directory that has none.
func Read(path string) (Identity, error) {
	var i Identity
	b, err := os.ReadFile(filepath.Join(path, file))
	if err != nil {
		return i, err
	}
	text, sum, _ := bytes.Cut(b, []byte("\n"))
	if string(sum) != checksum(text) || json.Unmarshal(text, &i) != nil || i.Node == "" {
		// Never made anew: a node that forgot who it is would vote twice.
		return i, messages.Errorf(messages.Invalid, "read node identity", filepath.Join(path, file), "it is damaged: it does not match its checksum").WithHint("restore it, or move the data directory aside to start as a new node")
	}
	return i, nil
}

// Identity is who the node is now.
func (d *Directory) Identity() Identity { return *d.identity.Load() }

// SetNetwork records the network that the node belongs to from now on.
func (d *Directory) SetNetwork(id string) error {
	i := d.Identity()
	if i.Network == id {
		return nil
	}
	if i.Network != "" {
		return messages.Errorf(messages.Denied, "join network", id, "the node belongs to network %s", i.Network).WithHint("start it with an empty data directory")
	}
	i.Network = id
	return d.write(i)
}

// Discard takes away a directory that Open made and that no network knows yet:
// what a start that failed would leave. Others stay.
func (d *Directory) Discard() error {
	if !d.made || d.Identity().Network != "" {
		return nil
	}
	return os.RemoveAll(d.path)
}

// Close gives the directory up.
func (d *Directory) Close() error { return d.lock.Close() }

func (d *Directory) write(i Identity) error {
	b, err := json.Marshal(i)
	if err != nil {
		return err
	}
	if err := d.replace(file, fmt.Appendf(nil, "%s\n%s", b, checksum(b))); err != nil {
		return err
	}
	d.identity.Store(&i)
	return nil
}

// checksum is the file's second line, over the first: a node whose id or boot
// has one bit flipped would be another.
func checksum(text []byte) string {
	return fmt.Sprintf("crc32c %08x\n", crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)))
}

// replace writes a file so that a power cut leaves the old one or the new.
func (d *Directory) replace(name string, b []byte) error {
	path := filepath.Join(d.path, name)
	if err := writeSynced(path+".new", b); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(d.path)
}

// makeDurable makes a directory and those above it, so that a power cut does
// not take away the name of what is kept in it.
func makeDurable(path string) error {
	if i, err := os.Stat(path); err == nil && i.IsDir() {
		return nil
	}
	above := filepath.Dir(path)
	if above != path {
		if err := makeDurable(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(above)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
