package raftstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/boltlog"
	"github.com/elasticcode/flow/raftstore/pebblekv"
	"github.com/elasticcode/flow/raftstore/wallog"
)

// openStore opens a store of real parts, and groups that are this node alone.
func openStore(t *testing.T, dir string, state raftstore.KV, logs raftstore.Logs, ids ...messages.GroupID) (*raftstore.Store, []*raftstore.Group) {
	t.Helper()
	s, err := raftstore.Open(raftstore.Config{Dir: dir, Node: "a"}, raftstore.Parts{KV: state, Logs: logs, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	var groups []*raftstore.Group
	for _, id := range ids {
		g, err := s.OpenGroup(raftstore.GroupConfig{ID: id, Incarnation: 1, Bootstrap: true, Machine: ledger{}, Layer: newNetwork().layer("a")})
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, g)
	}
	return s, groups
}

func sum(t *testing.T, g *raftstore.Group) string {
	t.Helper()
	eventually(t, "it leads", g.IsLeader)
	r, _, err := g.Propose(patience(t), command("add x 1"))
	if err != nil {
		t.Fatal(err)
	}
	return text(r)
}

func TestGroupsOnRealStoresKeepApartAndSurvive(t *testing.T) {
	eachKind(t, func(t *testing.T, logs raftstore.Logs) {
		dir := t.TempDir()
		for round := 1; round <= 3; round++ {
			state, err := pebblekv.Open(filepath.Join(dir, "state"), nil)
			if err != nil {
				t.Fatal(err)
			}
			s, groups := openStore(t, dir, state, logs, 0, 1, 2)
			for i, g := range groups {
				for range i {
					sum(t, g)
				}
				if got, want := sum(t, g), fmt.Sprint((i+1)*round); got != want {
					t.Errorf("round %d: group %d has %s, want %s", round, i, got, want)
				}
			}
			if err := s.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestRemovedReplicaIsGone(t *testing.T) {
	dir, state := t.TempDir(), raftstore.NewMemory()
	s, groups := openStore(t, dir, state, boltlog.Logs{}, 1, 2)
	sum(t, groups[0])
	sum(t, groups[1])
	for range 2 { // it may be asked again
		if err := s.RemoveGroup(patience(t), 1, 1); err != nil {
			t.Fatal(err)
		}
	}
	left, err := s.Groups()
	if err != nil || !slices.Equal(left, []raftstore.Replica{{ID: 2, Incarnation: 1}}) {
		t.Errorf("left: %v, %v", left, err)
	}
	if got := sum(t, groups[1]); got != "2" {
		t.Errorf("the other group has %s", got)
	}
	g, err := s.OpenGroup(raftstore.GroupConfig{ID: 1, Incarnation: 2, Bootstrap: true, Machine: ledger{}, Layer: newNetwork().layer("a")})
	if err != nil {
		t.Fatal(err)
	}
	if got := sum(t, g); got != "1" {
		t.Errorf("the next incarnation begins with %s", got)
	}
}

// TestRemovalIsFinishedAfterACrash stops a removal behind its tombstone: before
// the state is erased, and after.
func TestRemovalIsFinishedAfterACrash(t *testing.T) {
	for _, erased := range []bool{false, true} {
		dir, state := t.TempDir(), raftstore.NewMemory()
		s, groups := openStore(t, dir, state, boltlog.Logs{}, 1)
		sum(t, groups[0])
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		replica := filepath.Join(dir, "groups", "1-1")
		if err := os.Rename(replica, replica+".removed"); err != nil {
			t.Fatal(err)
		}
		state = state.Crash(0)
		if erased {
			state.Commit(raftstore.Batch{Erase: []raftstore.Range{{From: []byte{0, 0, 0, 1}, To: []byte{0, 0, 0, 2}}}})
		}
		s, _ = openStore(t, dir, state, boltlog.Logs{})
		if left, _ := s.Groups(); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
		if _, err := os.Stat(replica + ".removed"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the tombstone: %v", err)
		}
		view := state.Snapshot()
		for k := range view.Scan([]byte{0, 0, 0, 1}, []byte{0, 0, 0, 2}) {
			t.Errorf("key %q is left", k)
		}
		view.Close()
	}
}

// TestLateRemovalSparesTheNextReplica: the state belongs to another incarnation.
func TestLateRemovalSparesTheNextReplica(t *testing.T) {
	dir, state := t.TempDir(), raftstore.NewMemory()
	if err := os.MkdirAll(filepath.Join(dir, "groups", "1-0.removed"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "groups", "1-7"), 0o755); err != nil { // an old one
		t.Fatal(err)
	}
	s, groups := openStore(t, dir, state, boltlog.Logs{}, 1)
	sum(t, groups[0])
	if err := s.RemoveGroup(patience(t), 1, 7); err != nil {
		t.Fatal(err)
	}
	if got := sum(t, groups[0]); got != "2" {
		t.Errorf("sum %s", got)
	}
}

func TestLogKindIsKept(t *testing.T) {
	dir, state := t.TempDir(), raftstore.NewMemory()
	s, groups := openStore(t, dir, state, boltlog.Logs{}, 1)
	sum(t, groups[0])
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	s, _ = openStore(t, dir, state.Crash(0), wallog.Logs{})
	_, err := s.OpenGroup(raftstore.GroupConfig{ID: 1, Incarnation: 1, Machine: ledger{}, Layer: newNetwork().layer("a")})
	if !errors.Is(err, messages.Conflict) || errors.Is(err, raftstore.ErrLostState) {
		t.Errorf("opened in another format: %v", err)
	}
}

// TestBootstrapMayBeRepeated stops it between its two writes.
func TestBootstrapMayBeRepeated(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "groups", "1-1")
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	log, stable, err := boltlog.Logs{}.Open(1, path, true)
	if err != nil {
		t.Fatal(err)
	}
	term := []byte("CurrentTerm")
	if err := errors.Join(stable.Set(term, raftstore.SealValue(term, []byte{7: 1})), log.Close(), stable.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "kind"), []byte("bolt\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, groups := openStore(t, dir, raftstore.NewMemory(), boltlog.Logs{}, 1)
	if got := sum(t, groups[0]); got != "1" {
		t.Errorf("sum %s", got)
	}
}

func TestGroupIsOpenedOnce(t *testing.T) {
	s, groups := openStore(t, t.TempDir(), raftstore.NewMemory(), boltlog.Logs{}, 1)
	_, err := s.OpenGroup(raftstore.GroupConfig{ID: 1, Incarnation: 1, Machine: ledger{}, Layer: newNetwork().layer("a")})
	if !errors.Is(err, messages.Conflict) {
		t.Errorf("opened twice: %v", err)
	}
	if err := groups[0].Close(patience(t)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := groups[0].Propose(patience(t), command("add x 1")); !errors.Is(err, messages.Unavailable) {
		t.Errorf("proposed to a closed replica: %v", err)
	}
	if err := groups[0].WaitApplied(patience(t), 1000); !errors.Is(err, messages.Unavailable) {
		t.Errorf("waited at a closed replica: %v", err)
	}
	g, err := s.OpenGroup(raftstore.GroupConfig{ID: 1, Incarnation: 1, Machine: ledger{}, Layer: newNetwork().layer("a")})
	if err != nil {
		t.Fatal(err)
	}
	if got := sum(t, g); got != "1" {
		t.Errorf("sum %s", got)
	}
	g.View(func(v kv.View, applied uint64) error {
		if applied != g.Applied() {
			t.Errorf("view at %d, applied %d", applied, g.Applied())
		}
		return nil
	})
}

// unsound fails reads of the state.
type unsound struct {
	raftstore.Snapshot
	bad func() bool
}

func (u unsound) Get(key []byte) ([]byte, bool) {
	if u.bad() {
		panic(raftstore.ReadError{Err: errDisk})
	}
	return u.Snapshot.Get(key)
}

type unsoundKV struct {
	raftstore.KV
	bad func() bool
}

func (u unsoundKV) Snapshot() raftstore.Snapshot { return unsound{u.KV.Snapshot(), u.bad} }

func TestUnreadableStateStopsTheReplica(t *testing.T) {
	bad := false
	a := alone(t, func(n *node) {
		n.wrap = func(k raftstore.KV) raftstore.KV { return unsoundKV{k, func() bool { return bad }} }
	})
	a.must("add x 1")
	bad = true
	read := func(view kv.View, _ uint64) error { view.Get([]byte("z")); return nil }
	if err := a.group.View(read); !errors.Is(err, errDisk) {
		t.Errorf("read an unreadable state: %v", err)
	}
	// x is known without reading.
	if _, _, err := a.group.Propose(patience(t), command("add y 1")); err == nil {
		t.Error("applied to an unreadable state")
	}
	eventually(t, "it has failed", func() bool { return errors.Is(a.group.Err(), errDisk) })
	bad = false
}

// slowLogs opens the log of one group only when it is let.
type slowLogs struct {
	boltlog.Logs
	slow    messages.GroupID
	opening chan struct{} // closed when that begins
	let     chan struct{}
}

func (l slowLogs) Open(id messages.GroupID, dir string, fresh bool) (raftstore.LogStore, raftstore.StableStore, error) {
	if id == l.slow {
		close(l.opening)
		<-l.let
	}
	return l.Logs.Open(id, dir, fresh)
}

// TestOpeningAReplicaHoldsUpNoOther: heartbeats look for their group's replica, and
// another's new log may take the disk longer than a follower waits.
func TestOpeningAReplicaHoldsUpNoOther(t *testing.T) {
	logs := slowLogs{slow: 2, opening: make(chan struct{}), let: make(chan struct{})}
	s, _ := openStore(t, t.TempDir(), raftstore.NewMemory(), logs, 1)
	opened := make(chan error, 1)
	go func() {
		_, err := s.OpenGroup(raftstore.GroupConfig{ID: 2, Incarnation: 1, Bootstrap: true, Machine: ledger{}, Layer: newNetwork().layer("a")})
		opened <- err
	}()
	<-logs.opening
	found := make(chan *raftstore.Group, 1)
	go func() { found <- s.Group(1) }()
	select {
	case g := <-found:
		if g == nil {
			t.Error("the open replica is not found")
		}
	case <-time.After(limit):
		t.Error("an open replica cannot be found while another is opened")
	}
	close(logs.let)
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// TestStoreClosesWithinItsContext: though a replica that is being opened waits for its
// disk.
func TestStoreClosesWithinItsContext(t *testing.T) {
	logs := slowLogs{slow: 1, opening: make(chan struct{}), let: make(chan struct{})}
	s, _ := openStore(t, t.TempDir(), raftstore.NewMemory(), logs)
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		s.OpenGroup(raftstore.GroupConfig{ID: 1, Incarnation: 1, Bootstrap: true, Machine: ledger{}, Layer: newNetwork().layer("a")})
	}()
	<-logs.opening
	over, cancel := context.WithCancel(t.Context())
	cancel()
	closed := make(chan error, 1)
	go func() { closed <- s.Close(over) }()
	select {
	case err := <-closed:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("closed beside a replica that is being opened: %v", err)
		}
	case <-time.After(limit):
		t.Error("the store waits longer than its context")
	}
	close(logs.let)
	<-opened
}

// TestClosedReplicaBeginsNoRoundOfReads: its log and its state are closed by then.
func TestClosedReplicaBeginsNoRoundOfReads(t *testing.T) {
	_, groups := openStore(t, t.TempDir(), raftstore.NewMemory(), boltlog.Logs{}, 1)
	if err := groups[0].Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if groups[0].BeginsRounds() {
		t.Error("a round of reads begins at a replica that has ended")
	}
}
