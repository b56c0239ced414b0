package pebblekv

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/raftstore"
)

// TestWhatIsWrittenIsRewrittenOnce writes as partitions do: two kinds whose keys rise, some
// of them once more in the flush behind, and some keys again and again. What is
// stored grows with each flush, and what is rewritten may not grow with that: on
// the whole it is as much as was flushed, and not the double.
func TestWhatIsWrittenIsRewrittenOnce(t *testing.T) {
	const flushes, keys, again = 40, 1500, 100
	s, err := open("state", vfs.NewMem(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rng := rand.NewChaCha8([32]byte{})
	name := func(kind string, n int) []byte { return fmt.Appendf(nil, "\x00\x00\x00\x01\x01%s/%08d", kind, n) }
	for n := range flushes {
		var b raftstore.Batch
		set := func(key []byte) {
			value := make([]byte, 700)
			rng.Read(value)
			b.Writes = append(b.Writes, kv.Write{Key: key, Value: value})
		}
		for _, kind := range []string{"b", "c", "l", "n"} {
			switch kind {
			case "c", "l":
				for i := max(0, n*keys-again); i < (n+1)*keys; i++ {
					set(name(kind, i))
				}
			default:
				set(name(kind, 0))
			}
		}
		if err := s.Commit(b); err != nil {
			t.Fatal(err)
		}
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	var rewritten, flushed uint64
	for _, l := range settled(t, s).Levels {
		rewritten += l.TableBytesCompacted
		flushed += l.TableBytesFlushed
	}
	if rewritten*4 > flushed*5 {
		t.Errorf("of %d KiB that were flushed %d were rewritten", flushed>>10, rewritten>>10)
	}
	view := s.Snapshot()
	defer view.Close()
	n := 0
	for range view.Scan([]byte("\x00\x00\x00\x01\x01c/"), []byte("\x00\x00\x00\x01\x01d/")) {
		n++
	}
	if n != flushes*keys {
		t.Errorf("%d keys are there, want %d", n, flushes*keys)
	}
}

// settled waits until nothing is compacted.
func settled(t *testing.T, s *Store) *pebble.Metrics {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if m := s.db.Metrics(); m.Compact.NumInProgress == 0 {
			return m
		}
		if time.Now().After(end) {
			t.Fatal("compactions do not end")
		}
	}
}

func TestTablesEndWithTheirKind(t *testing.T) {
	const group = "\x00\x00\x00\x01\x01"
	k := newKinds()
	large := make([]byte, ownTables)
	k.written([]kv.Write{
		{Key: []byte("id")}, {Key: []byte(group + "b/1")}, {Key: []byte(group + "c/1"), Value: large}, {Key: []byte(group + "d/1")},
		{Key: []byte(group + "l/1"), Value: large}, {Key: []byte(group + "n")},
	})
	k.flushed(pebble.FlushInfo{Output: []pebble.TableInfo{
		{Largest: pebble.InternalKey{UserKey: []byte(group + "c/7")}},
		{Largest: pebble.InternalKey{UserKey: []byte(group + "c/5")}},
		{Largest: pebble.InternalKey{UserKey: []byte(group + "z")}},
	}})
	for _, c := range []struct{ why, first, end string }{
		{"small kinds go together up to a large one", "\x00\x00\x00\x00\x01a", group + "c"},
		{"and between large ones", group + "d/1", group + "l"},
		{"and behind the last to the end", group + "n", ""},
		{"what may overwrite ends with what was flushed", group + "c/3", group + "c/7\x00"},
		{"also its last key", group + "c/7", group + "c/7\x00"},
		{"what is new ends with its kind", group + "c/8", group + "d"},
		{"of a kind that was not flushed all is new", group + "l/1", group + "m"},
		{"a key shorter than a kind is one", "\x00\x00\x00\x01", group + "c"},
		{"the last of all kinds has no end", strings.Repeat("\xff", kindBytes), ""},
	} {
		if end := string(k.tableEnd([]byte(c.first))); end != c.end {
			t.Errorf("%s: a table from %q ends before %q, want %q", c.why, c.first, end, c.end)
		}
	}
}
