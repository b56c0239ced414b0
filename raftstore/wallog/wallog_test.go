package wallog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/types"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore/conform"
)

func TestConformance(t *testing.T) { conform.Logs(t, Logs{}) }

func TestMetaGroupIsKeptInBolt(t *testing.T) {
	dir := t.TempDir()
	log, stable, err := Logs{}.Open(messages.Meta, dir, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(log.Close(), stable.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "log.db")); err != nil {
		t.Error(err)
	}
}

// disk writes through to files, and remembers of each what was synced: what it
// would hold after the power went. (The list of segments is a bbolt file, which
// syncs by itself, and is taken as it is.)
type disk struct {
	types.VFS
	deaf   bool // syncs do nothing
	mu     sync.Mutex
	synced map[string][]byte
}

func newDisk(deaf bool) *disk {
	return &disk{VFS: fs.New(), deaf: deaf, synced: map[string][]byte{}}
}

type diskFile struct {
	types.WritableFile
	of    *disk
	name  string
	dirty []write // since the last sync
}

type write struct {
	at   int64
	data []byte
}

func (d *disk) Create(dir, name string, size uint64) (types.WritableFile, error) {
	f, err := d.VFS.Create(dir, name, size)
	return d.watch(f, name, err)
}

func (d *disk) OpenWriter(dir, name string) (types.WritableFile, error) {
	f, err := d.VFS.OpenWriter(dir, name)
	return d.watch(f, name, err)
}

func (d *disk) watch(f types.WritableFile, name string, err error) (types.WritableFile, error) {
	if err != nil {
		return nil, err
	}
	return &diskFile{WritableFile: f, of: d, name: name}, nil
}

func (d *disk) Delete(dir, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.synced, name)
	return d.VFS.Delete(dir, name)
}

func (f *diskFile) WriteAt(b []byte, at int64) (int, error) {
	f.dirty = append(f.dirty, write{at, append([]byte(nil), b...)})
	return f.WritableFile.WriteAt(b, at)
}

func (f *diskFile) Sync() error {
	if f.of.deaf {
		return nil
	}
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	image := f.of.synced[f.name]
	if image == nil {
		image = make([]byte, SegmentSize)
	}
	for _, w := range f.dirty {
		if need := int(w.at) + len(w.data); need > len(image) {
			image = append(image, make([]byte, need-len(image))...)
		}
		copy(image[w.at:], w.data)
	}
	f.of.synced[f.name], f.dirty = image, nil
	return f.WritableFile.Sync()
}

// lose makes a directory as the disk holds it after a crash.
func (d *disk) lose(t *testing.T, from string) (to string) {
	t.Helper()
	to = t.TempDir()
	meta, err := os.ReadFile(filepath.Join(from, metadb.FileName))
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, image := range d.synced {
		if err := os.WriteFile(filepath.Join(to, name), image, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(to, metadb.FileName), meta, 0o644); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestAcknowledgedEntriesAreOnTheDisk stores entries over several segments, and
// cuts at both ends, reopening again and again without what was not synced.
func TestAcknowledgedEntriesAreOnTheDisk(t *testing.T) {
	d := newDisk(false)
	dir := t.TempDir()
	w, err := open(dir, true, d)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	first, last := uint64(1), uint64(0)
	for round := range 12 {
		var entries []*raft.Log
		for range 10 {
			last++
			entries = append(entries, &raft.Log{Index: last, Term: 1, Data: fmt.Appendf(make([]byte, 256<<10), "%d", last)})
		}
		if err := w.StoreLogs(entries); err != nil {
			t.Fatal(err)
		}
		switch round {
		case 6:
			first += 50
			err = w.DeleteRange(1, first-1)
		case 9:
			err = w.DeleteRange(last-4, last)
			last -= 5
		}
		if err != nil {
			t.Fatal(err)
		}
		check(t, d.lose(t, dir), first, last)
	}
}

func check(t *testing.T, dir string, first, last uint64) {
	t.Helper()
	w, err := open(dir, false, fs.New())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if gotFirst, gotLast := bounds(w); gotFirst != first || gotLast != last {
		t.Fatalf("[%d, %d] is left of [%d, %d]", gotFirst, gotLast, first, last)
	}
	for i := first; i <= last; i++ {
		var l raft.Log
		if err := w.GetLog(i, &l); err != nil || string(l.Data[256<<10:]) != fmt.Sprint(i) {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
}

func bounds(w *wal.WAL) (first, last uint64) {
	first, _ = w.FirstIndex()
	last, _ = w.LastIndex()
	return first, last
}

// TestACrashShowsMissingSyncs sees that the test above would fail without fsync.
func TestACrashShowsMissingSyncs(t *testing.T) {
	d := newDisk(true)
	dir := t.TempDir()
	w, err := open(dir, true, d)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.StoreLog(&raft.Log{Index: 1, Term: 1}); err != nil {
		t.Fatal(err)
	}
	left, err := open(d.lose(t, dir), false, fs.New())
	if err != nil {
		return // it cannot even be opened
	}
	defer left.Close()
	if _, last := bounds(left); last != 0 {
		t.Errorf("%d entries are left without a sync", last)
	}
}

// full has room for so many segments.
type full struct {
	types.VFS
	room int
}

func (f *full) Create(dir, name string, size uint64) (types.WritableFile, error) {
	if f.room--; f.room < 0 {
		return nil, syscall.ENOSPC
	}
	return f.VFS.Create(dir, name, size)
}

func TestAppendSaysThatTheDiskIsFull(t *testing.T) {
	files := &noting{VFS: &full{VFS: fs.New(), room: 1}}
	w, err := open(t.TempDir(), true, files)
	if err != nil {
		t.Fatal(err)
	}
	log := store{w, files}
	defer log.Close()
	for i := uint64(1); err == nil && i < 100; i++ {
		err = log.StoreLog(&raft.Log{Index: i, Term: 1, Data: make([]byte, 1<<20)})
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk is %v", err)
	}
}

// TestASegmentThatWasFullAsTheNodeDiedIsFollowedByAnother: the files are copied
// as they are before the list of segments tells of the second one.
func TestASegmentThatWasFullAsTheNodeDiedIsFollowedByAnother(t *testing.T) {
	dir, left := t.TempDir(), t.TempDir()
	w, err := open(dir, true, fs.New())
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join(dir, metadb.FileName))
	if err != nil {
		t.Fatal(err)
	}
	entry := func(i uint64) *raft.Log { return &raft.Log{Index: i, Term: 1, Data: make([]byte, 1<<20)} }
	last := uint64(0)
	var segments []string
	for len(segments) < 2 {
		last++
		if err := w.StoreLog(entry(last)); err != nil {
			t.Fatal(err)
		}
		segments, _ = filepath.Glob(filepath.Join(dir, "*.wal"))
	}
	w.Close()
	b, err := os.ReadFile(segments[0])
	if err == nil {
		err = errors.Join(os.WriteFile(filepath.Join(left, filepath.Base(segments[0])), b, 0o600), os.WriteFile(filepath.Join(left, metadb.FileName), list, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // once more: what was finished stays so
		again, err := open(left, false, fs.New())
		if err != nil {
			t.Fatal(err)
		}
		_, end := bounds(again)
		if end < 7 {
			t.Errorf("%d entries are left", end)
		}
		for i := end + 1; i <= end+20; i++ {
			if err := again.StoreLog(entry(i)); err != nil {
				t.Fatalf("entry %d behind %d: %v", i, end, err)
			}
		}
		var l raft.Log
		if err := again.GetLog(end, &l); err != nil || l.Index != end {
			t.Errorf("entry %d is %d, %v", end, l.Index, err)
		}
		again.Close()
	}
}
