package raftstore_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/boltlog"
	"github.com/elasticcode/flow/raftstore/wallog"
)

var kinds = []raftstore.Logs{boltlog.Logs{}, wallog.Logs{}}

// eachKind runs a test on both log stores.
func eachKind(t *testing.T, test func(t *testing.T, logs raftstore.Logs)) {
	for _, logs := range kinds {
		t.Run(logs.Kind(), func(t *testing.T) { test(t, logs) })
	}
}

// flip damages one byte of the log, at a text that one of its entries holds.
func flip(t *testing.T, n *node, text string) {
	t.Helper()
	found := false
	filepath.Walk(n.path(""), func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() || strings.HasPrefix(info.Name(), "stable") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; ; {
			i := bytes.Index(b[at:], []byte(text))
			if i < 0 {
				return nil
			}
			found = true
			at += i + 1
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteAt([]byte{b[at] ^ 0x20}, int64(at))
			f.Close()
		}
	})
	if !found {
		t.Fatalf("no file holds %q", text)
	}
}

func TestDamagedEntryIsFoundAtTheStart(t *testing.T) {
	eachKind(t, func(t *testing.T, logs raftstore.Logs) {
		for _, damaged := range []string{"recognizable", "the last one"} {
			a := alone(t, func(n *node) { n.parts.Logs = logs })
			a.must("put k recognizable")
			a.must("put k the last one")
			a.stop()
			flip(t, a, damaged)
			if err := a.try(true); !errors.Is(err, raftstore.ErrLostState) {
				t.Errorf("opened on a damaged log: %v", err)
			}
		}
	})
}

func TestDamagedEntryStopsTheReplicaThatReadsIt(t *testing.T) {
	eachKind(t, func(t *testing.T, logs raftstore.Logs) {
		a := alone(t, func(n *node) { n.parts.Logs = logs })
		a.must("put k recognizable")
		flip(t, a, "recognizable")
		a.group.ForgetCache()
		b := newNode(t, a.net, "b")
		b.start(false)
		a.group.AddNonvoter(patience(t), "b", 1) // who must be sent the entry
		eventually(t, "a has failed", func() bool { return errors.Is(a.group.Err(), raftstore.ErrCorrupt) })
		if got := b.get("k"); got != "" {
			t.Errorf("b was given %s", got)
		}
	})
}

// losesItsEnd gives a node that leads, and what puts an older log back, and an
// older state with it, so that nothing but the high-water mark knows.
func losesItsEnd(t *testing.T) (a *node, lose func()) {
	a = alone(t, nil)
	a.must("add x 1")
	a.stop()
	old, err := os.ReadFile(a.path("log.db"))
	if err != nil {
		t.Fatal(err)
	}
	oldState := a.kv.Crash(0)
	a.kv = oldState.Crash(0)
	a.start(true)
	eventually(t, "it leads", a.leads)
	return a, func() {
		if err := os.WriteFile(a.path("log.db"), old, 0o600); err != nil {
			t.Fatal(err)
		}
		a.kv = oldState.Crash(0)
	}
}

func TestLogThatLostItsEndIsNotStarted(t *testing.T) {
	a, lose := losesItsEnd(t)
	a.must("add x 1")
	a.stop()
	lose()
	if err := a.try(true); !errors.Is(err, raftstore.ErrLostState) || !strings.Contains(err.Error(), "reached") {
		t.Fatalf("started on a log that lost its end: %v", err)
	}
}

func TestMarkIsRaisedWhileTheLogGrows(t *testing.T) {
	a, lose := losesItsEnd(t)
	for range 3 {
		a.must("add x 1")
	}
	if err := a.group.RaiseMark(); err != nil { // as after a second
		t.Fatal(err)
	}
	a.crash(0)
	lose()
	if err := a.try(true); !errors.Is(err, raftstore.ErrLostState) {
		t.Fatalf("started on a log that lost its end: %v", err)
	}
}

func TestStateAheadOfItsLogIsLost(t *testing.T) {
	a := alone(t, nil)
	a.must("add x 1")
	a.stop()
	old, err := os.ReadFile(a.path("log.db"))
	if err != nil {
		t.Fatal(err)
	}
	mark, err := os.ReadFile(a.path("stable.db"))
	if err != nil {
		t.Fatal(err)
	}
	a.start(true)
	eventually(t, "it leads", a.leads)
	a.must("add x 1")
	a.stop()
	for name, b := range map[string][]byte{"log.db": old, "stable.db": mark} {
		if err := os.WriteFile(a.path(name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.try(true); !errors.Is(err, raftstore.ErrLostState) || !strings.Contains(err.Error(), "state is at") {
		t.Fatalf("started behind its state: %v", err)
	}
}

func TestMissingLogIsLostState(t *testing.T) {
	eachKind(t, func(t *testing.T, logs raftstore.Logs) {
		a := alone(t, func(n *node) { n.parts.Logs = logs })
		a.must("add x 1")
		a.stop()
		for _, name := range []string{"log.db", "wal"} {
			os.RemoveAll(a.path(name))
		}
		if err := a.try(true); !errors.Is(err, raftstore.ErrLostState) {
			t.Fatalf("started without its log: %v", err)
		}
	})
}

func TestFirstErrorOfALeadersLogIsItsLast(t *testing.T) {
	var faults *faultyLogs
	_, nodes := trio(t, func(n *node) {
		if n.id == "a" {
			faults = &faultyLogs{Logs: boltlog.Logs{}}
			n.parts.Logs = faults
		}
	})
	a := nodes[0]
	a.must("add x 1")
	faults.append.Store(true)
	if _, _, err := a.group.Propose(patience(t), command("add x 1")); err == nil {
		t.Error("proposed on a disk that fails")
	}
	eventually(t, "a has failed", func() bool { return errors.Is(a.group.Err(), errDisk) })
	faults.append.Store(false) // the disk feels better: nobody may ask it
	next := leader(t, nodes[1], nodes[2])
	if got := next.must("add x 1"); got != "2" && got != "3" {
		t.Errorf("sum %s", got)
	}
	if n := faults.after.Load(); n != 1 {
		t.Errorf("%d operations failed: one was tried again", n)
	}
	agree(t, nodes[1], nodes[2])
	a.crash(0) // restarted, it catches up
	a.start(false)
	agree(t, nodes...)
}

func TestFirstErrorOfAFollowersLogIsItsLast(t *testing.T) {
	faults := &faultyLogs{Logs: boltlog.Logs{}}
	_, nodes := trio(t, func(n *node) {
		if n.id == "b" {
			n.parts.Logs = faults
		}
	})
	nodes[0].must("add x 1")
	faults.append.Store(true)
	nodes[0].must("add x 1")
	eventually(t, "b has failed", func() bool { return errors.Is(nodes[1].group.Err(), errDisk) })
	faults.append.Store(false)
	for range 5 {
		nodes[0].must("add x 1")
	}
	if n := faults.after.Load(); n != 1 {
		t.Errorf("%d operations failed: one was tried again", n)
	}
	agree(t, nodes[0], nodes[2])
}

// TestErrorOfTheStableStoreStopsTheReplicaOnly: raft panics when it cannot write
// its term. The node has other groups.
func TestErrorOfTheStableStoreStopsTheReplicaOnly(t *testing.T) {
	faults := &faultyLogs{Logs: boltlog.Logs{}}
	n, nodes := trio(t, func(n *node) {
		if n.id == "b" {
			n.parts.Logs = faults
		}
	})
	nodes[0].must("add x 1")
	faults.set.Store(true)
	n.isolate("a", true) // b must hear of a new term
	eventually(t, "b has failed", func() bool { return errors.Is(nodes[1].group.Err(), errDisk) })
	n.isolate("a", false)
	if got := leader(t, nodes[0], nodes[2]).must("add x 1"); got != "2" {
		t.Errorf("sum %s", got)
	}
}

// TestUnreadableEntryStopsTheReplicaOnly: raft panics when it cannot read what it
// must apply.
func TestUnreadableEntryStopsTheReplicaOnly(t *testing.T) {
	faults := &faultyLogs{Logs: boltlog.Logs{}}
	_, nodes := trio(t, func(n *node) {
		if n.id == "b" {
			n.parts.Logs = faults
			n.config.CacheBytes = 1 // all is read from the disk
		}
	})
	nodes[0].must("add x 1")
	eventually(t, "b has it", func() bool { return nodes[1].get("x") == "1" })
	faults.read.Store(true)
	nodes[0].must("add x 1")
	eventually(t, "b has failed", func() bool { return errors.Is(nodes[1].group.Err(), errDisk) })
	if got := nodes[0].must("add x 1"); got != "3" {
		t.Errorf("sum %s", got)
	}
}
