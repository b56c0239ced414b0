package discovery

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Entry is what a live node tells others on its machine. Addresses are
// host:port.
type Entry struct {
	Node    string `json:"node"` // node id
	Name    string `json:"name"`
	Network string `json:"network,omitempty"` // network id; empty: not known yet
	API     string `json:"api"`
	Gossip  string `json:"gossip"`
	PID     int    `json:"pid"`
	// Slot numbers the nodes that were started without a data directory of
	// their own: 0 is the first. Others have NoSlot, and are not joined by
	// themselves.
	Slot int `json:"slot"`
	Port int `json:"port"` // base port
	// Founding: it makes the network that all others without one wait for.
	Founding bool `json:"founding,omitempty"`
}

// NoSlot is the slot of a node whose data directory was given.
const NoSlot = -1

// Live gives the entries of nodes that live, by slot, those without one last.
func Live(dir string) ([]Entry, error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for live nodes: %w", err)
	}
	var live []Entry
	for _, f := range files {
		node, ok := strings.CutSuffix(f.Name(), entrySuffix)
		if !ok || !alive(dir, node) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		var e Entry
		if err == nil && json.Unmarshal(b, &e) == nil && e.Node == node {
			live = append(live, e)
		}
	}
	slices.SortFunc(live, func(a, b Entry) int {
		if (a.Slot == NoSlot) != (b.Slot == NoSlot) {
			return cmp.Compare(b.Slot, a.Slot)
		}
		return cmp.Or(cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Node, b.Node))
	})
	return live, nil
}

const (
	entrySuffix = ".json"
	lockSuffix  = ".lock"
	gate        = "gate" // locked by whoever changes which entries there are
)

// alive says whether a process holds an entry's lock.
func alive(dir, node string) bool {
	f, err := tryLock(filepath.Join(dir, node+lockSuffix), true)
	if f != nil {
		f.Close()
	}
	return f == nil && err == nil
}

// sweep removes what dead nodes left; the gate is held.
func sweep(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if node, ok := strings.CutSuffix(f.Name(), entrySuffix); ok && !alive(dir, node) {
			os.Remove(filepath.Join(dir, f.Name()))
			os.Remove(filepath.Join(dir, node+lockSuffix))
		}
	}
	return nil
}

func (e Entry) write(dir string) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, e.Node+entrySuffix)
	if err := os.WriteFile(path+".new", append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
