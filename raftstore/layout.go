package raftstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// On disk, below Config.Dir:
//
//	groups/<group>-<incarnation>/          a replica's log
//	groups/<group>-<incarnation>/kind      written when the log has been made: its format
//	groups/<group>-<incarnation>.removed/  a replica being removed: the tombstone
//
// The replicas' state is in the key-value store.

// Replica names a replica that the disk holds.
type Replica struct {
	ID          messages.GroupID
	Incarnation uint64
}

const removed = ".removed"

func (s *Store) groupsDir() string { return filepath.Join(s.config.Dir, "groups") }

func (r Replica) name() string { return fmt.Sprintf("%d-%d", r.ID, r.Incarnation) }

// Groups are the replicas that the disk holds, open or not.
func (s *Store) Groups() ([]Replica, error) { return s.list("") }

func (s *Store) list(suffix string) ([]Replica, error) {
	entries, err := os.ReadDir(s.groupsDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list replicas: %w", err)
	}
	var out []Replica
	for _, e := range entries {
		var r Replica
		if _, err := fmt.Sscanf(e.Name(), "%d-%d", &r.ID, &r.Incarnation); err == nil && e.Name() == r.name()+suffix {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b Replica) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Incarnation, b.Incarnation))
	})
	return out, nil
}

// RemoveGroup ends a replica and erases it. The group must have dropped it from
// its members before. Removing what is not there is no error; what a crash
// leaves half done is finished by the next Open.
func (s *Store) RemoveGroup(ctx context.Context, id messages.GroupID, incarnation uint64) error {
	if g := s.Group(id); g != nil && g.incarnation == incarnation {
		if err := g.Close(ctx); err != nil {
			return err
		}
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	r := Replica{id, incarnation}
	dir := filepath.Join(s.groupsDir(), r.name())
	if err := os.Rename(dir, dir+removed); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove replica %s: %w", r.name(), err)
	}
	if err := s.finishRemoval(r); err != nil {
		return fmt.Errorf("remove replica %s: %w", r.name(), err)
	}
	return nil
}

func (s *Store) finishRemovals() error {
	half, err := s.list(removed)
	if err != nil {
		return err
	}
	for _, r := range half {
		if err := s.finishRemoval(r); err != nil {
			return fmt.Errorf("finish removing replica %s: %w", r.name(), err)
		}
	}
	return nil
}

// finishRemoval erases the state, then the log with the tombstone.
func (s *Store) finishRemoval(r Replica) error {
	dir := filepath.Join(s.groupsDir(), r.name()+removed)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := syncDir(s.groupsDir()); err != nil {
		return err
	}
	var at record
	snapshot := s.parts.KV.Snapshot()
	err := readable(func() (err error) { at, _, err = readRecord(snapshot, r.ID); return err })
	snapshot.Close()
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return err
	}
	if err != nil || at.incarnation == r.Incarnation { // else it is a later replica's
		if err := s.erase(r.ID); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return syncDir(s.groupsDir())
}

// erase removes a group's state, for good.
func (s *Store) erase(id messages.GroupID) error {
	if err := s.parts.KV.Commit(Batch{Erase: []Range{groupRange(id)}}); err != nil {
		return err
	}
	return s.parts.KV.Flush()
}

// prepareDir makes a replica's directory. made says that its log was completely
// made before.
func (s *Store) prepareDir(r Replica) (dir string, made bool, err error) {
	dir = filepath.Join(s.groupsDir(), r.name())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", false, err
	}
	kind, err := os.ReadFile(filepath.Join(dir, "kind"))
	if errors.Is(err, os.ErrNotExist) {
		return dir, false, nil
	}
	if got := strings.TrimSpace(string(kind)); err == nil && got != s.parts.Logs.Kind() {
		err = messages.Errorf(messages.Conflict, "open log", dir, "it is kept in %q, not in %q", got, s.parts.Logs.Kind()).
			WithHint("start the node with the log store it was made with")
	}
	return dir, true, err
}

// finishDir records that a replica's log has been made.
func (s *Store) finishDir(dir string) error {
	f, err := os.Create(filepath.Join(dir, "kind"))
	if err != nil {
		return err
	}
	_, err = f.WriteString(s.parts.Logs.Kind() + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return errors.Join(syncDir(dir), syncDir(s.groupsDir()), syncDir(s.config.Dir))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// removeFile removes a file for good; one that is not there is no error.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	return syncDir(filepath.Dir(path))
}
