// Package conform holds what every log store and every key-value store of
// raftstore must do, as tests that each implementation runs.
package conform

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
)

// partition is a group whose log is kept in the kind under test.
const partition messages.GroupID = 3

// Logs runs the tests of log stores.
func Logs(t *testing.T, logs raftstore.Logs) {
	t.Run("EntriesComeBackAsTheyWere", func(t *testing.T) { entriesComeBack(t, logs) })
	t.Run("SurvivesReopening", func(t *testing.T) { survivesReopening(t, logs) })
	t.Run("CutsPrefixSuffixAndAll", func(t *testing.T) { cuts(t, logs) })
	t.Run("StableValues", func(t *testing.T) { stableValues(t, logs) })
	t.Run("MissingFilesAreDamage", func(t *testing.T) { missingFiles(t, logs) })
	t.Run("SegmentsRotate", func(t *testing.T) { manyBytes(t, logs) })
}

type opened struct {
	raftstore.LogStore
	stable raftstore.StableStore
}

func open(t *testing.T, logs raftstore.Logs, dir string, create bool) opened {
	t.Helper()
	log, stable, err := logs.Open(partition, dir, create)
	if err != nil {
		t.Fatal(err)
	}
	return opened{log, stable}
}

func (o opened) close(t *testing.T) {
	t.Helper()
	if err := errors.Join(o.LogStore.Close(), o.stable.Close()); err != nil {
		t.Fatal(err)
	}
}

func (o opened) store(t *testing.T, from, to, term uint64, size int) {
	t.Helper()
	var entries []*raft.Log
	for i := from; i <= to; i++ {
		entries = append(entries, entry(i, term, size))
	}
	if err := o.StoreLogs(entries); err != nil {
		t.Fatal(err)
	}
}

func entry(index, term uint64, size int) *raft.Log {
	return &raft.Log{Index: index, Term: term, Type: raft.LogCommand, Extensions: []byte{1, byte(index)}, AppendedAt: time.Unix(int64(index), 5).UTC(),
		Data: append(fmt.Appendf(nil, "%d.%d ", index, term), bytes.Repeat([]byte{byte(index)}, size)...)}
}

// check says that the log holds exactly [from, to].
func (o opened) check(t *testing.T, from, to, term uint64, size int) {
	t.Helper()
	first, err1 := o.FirstIndex()
	last, err2 := o.LastIndex()
	if first != from || last != to || err1 != nil || err2 != nil {
		t.Fatalf("log is [%d, %d], want [%d, %d] (%v, %v)", first, last, from, to, err1, err2)
	}
	for i := from; i <= to && to > 0; i++ {
		var got raft.Log
		if err := o.GetLog(i, &got); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
		want := entry(i, term, size)
		if got.Index != i || got.Term != term || got.Type != want.Type || !bytes.Equal(got.Data, want.Data) ||
			!bytes.Equal(got.Extensions, want.Extensions) || !got.AppendedAt.Equal(want.AppendedAt) {
			t.Fatalf("entry %d is %+v", i, got)
		}
	}
	// Before the log's begin an entry may still be read; it was committed.
	var got raft.Log
	if err := o.GetLog(to+1, &got); !errors.Is(err, raft.ErrLogNotFound) {
		t.Fatalf("entry %d beyond the log: %v", to+1, err)
	}
}

func entriesComeBack(t *testing.T, logs raftstore.Logs) {
	o := open(t, logs, t.TempDir(), true)
	defer o.close(t)
	o.check(t, 0, 0, 0, 0)
	o.store(t, 1, 1, 1, 10)
	o.store(t, 2, 100, 1, 10)
	o.check(t, 1, 100, 1, 10)
}

func survivesReopening(t *testing.T, logs raftstore.Logs) {
	dir := t.TempDir()
	o := open(t, logs, dir, true)
	o.store(t, 1, 50, 2, 100)
	for range 3 {
		o.close(t)
		o = open(t, logs, dir, false)
		o.check(t, 1, 50, 2, 100)
	}
	o.close(t)
}

func cuts(t *testing.T, logs raftstore.Logs) {
	dir := t.TempDir()
	o := open(t, logs, dir, true)
	o.store(t, 1, 2000, 1, 50)
	cut := func(from, to uint64) {
		if err := o.DeleteRange(from, to); err != nil {
			t.Fatal(err)
		}
	}
	cut(1, 700)
	o.check(t, 701, 2000, 1, 50)
	cut(1501, 2000)
	o.check(t, 701, 1500, 1, 50)
	o.close(t)
	o = open(t, logs, dir, false)
	o.check(t, 701, 1500, 1, 50)
	cut(701, 1500)
	o.store(t, 5000, 5100, 3, 50) // as after a snapshot was installed
	o.check(t, 5000, 5100, 3, 50)
	o.close(t)
	o = open(t, logs, dir, false)
	o.check(t, 5000, 5100, 3, 50)
	cut(5051, 5100) // a conflict, and what replaces it
	o.store(t, 5051, 5060, 4, 50)
	if first, _ := o.FirstIndex(); first != 5000 {
		t.Errorf("first is %d", first)
	}
	var got raft.Log
	if err := o.GetLog(5051, &got); err != nil || got.Term != 4 {
		t.Errorf("entry 5051 has term %d, %v", got.Term, err)
	}
	o.close(t)
}

func stableValues(t *testing.T, logs raftstore.Logs) {
	dir := t.TempDir()
	o := open(t, logs, dir, true)
	if _, err := o.stable.Get([]byte("k")); err == nil || err.Error() != "not found" {
		t.Errorf("a value that is not there: %v", err)
	}
	if err := errors.Join(o.stable.Set([]byte("k"), []byte("v")), o.stable.SetUint64([]byte("n"), 1<<63+1)); err != nil {
		t.Fatal(err)
	}
	o.close(t)
	o = open(t, logs, dir, false)
	defer o.close(t)
	v, err := o.stable.Get([]byte("k"))
	n, err2 := o.stable.GetUint64([]byte("n"))
	if string(v) != "v" || n != 1<<63+1 || err != nil || err2 != nil {
		t.Errorf("%q %d, %v %v", v, n, err, err2)
	}
}

func missingFiles(t *testing.T, logs raftstore.Logs) {
	dir := t.TempDir()
	o := open(t, logs, dir, true)
	o.store(t, 1, 10, 1, 10)
	o.close(t)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 2 {
		t.Fatalf("log and stable values share a file: %v, %v", entries, err)
	}
	for _, e := range entries {
		from, away := filepath.Join(dir, e.Name()), filepath.Join(t.TempDir(), "away")
		if err := os.Rename(from, away); err != nil {
			t.Fatal(err)
		}
		if _, _, err := logs.Open(partition, dir, false); !errors.Is(err, raftstore.ErrCorrupt) {
			t.Errorf("%s is missing: %v", e.Name(), err)
		}
		os.RemoveAll(from)
		if err := os.Rename(away, from); err != nil {
			t.Fatal(err)
		}
	}
	o = open(t, logs, dir, false)
	o.check(t, 1, 10, 1, 10)
	o.close(t)
}

func manyBytes(t *testing.T, logs raftstore.Logs) {
	dir := t.TempDir()
	o := open(t, logs, dir, true)
	for i := uint64(1); i <= 90; i += 10 {
		o.store(t, i, i+9, 1, 256<<10)
	}
	o.check(t, 1, 90, 1, 256<<10)
	if err := o.DeleteRange(1, 60); err != nil {
		t.Fatal(err)
	}
	o.close(t)
	o = open(t, logs, dir, false)
	o.check(t, 61, 90, 1, 256<<10)
	o.close(t)
}
