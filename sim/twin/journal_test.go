package twin

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/elasticcode/flow/raftstore"
)

// TestAJournalTellsDamageFromACrash damages the last of three records, which a
// crash may have done, and one before it, which it cannot have.
func TestAJournalTellsDamageFromACrash(t *testing.T) {
	for _, c := range []struct {
		name    string
		damage  func(content []byte) []byte
		loose   bool
		records int
		corrupt bool
	}{
		{"nothing", func(b []byte) []byte { return b }, false, 3, false},
		{"the end is torn", func(b []byte) []byte { return b[:len(b)-1] }, false, 2, false},
		{"the end is zeros", func(b []byte) []byte { return append(b, make([]byte, 100)...) }, false, 3, false},
		{"the last is damaged", func(b []byte) []byte { b[len(b)-1]++; return b }, false, 2, false},
		{"the first is damaged", func(b []byte) []byte { b[recordHead]++; return b }, false, 0, true},
		{"the length of the first is damaged", func(b []byte) []byte { b[3]++; return b }, false, 0, true},
		{"the first of loose ones is gone", func(b []byte) []byte { clear(b[:recordHead+3]); return b }, true, 0, false},
	} {
		path := filepath.Join(t.TempDir(), "journal")
		nothing := func([]byte) error { return nil }
		j, err := openJournal(path, opening{create: true}, nothing)
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range []string{"one", "two", "three"} {
			if err := j.appendSynced([]byte(record)); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, c.damage(content), 0o600); err != nil {
			t.Fatal(err)
		}
		n := 0
		j, err = openJournal(path, opening{loose: c.loose}, func([]byte) error { n++; return nil })
		if n != c.records || errors.Is(err, raftstore.ErrCorrupt) != c.corrupt || (err != nil) != c.corrupt {
			t.Errorf("%s: %d records and %v, want %d, corrupt %v", c.name, n, err, c.records, c.corrupt)
		}
		if err == nil {
			if err := j.close(); err != nil {
				t.Error(err)
			}
		}
	}
}
