package boltlog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/raftstore"
)

// TestDamageIsAnErrorAndNoPanic changes bytes all over a file, as bbolt would
// answer some of them with a panic on a goroutine of its own.
func TestDamageIsAnErrorAndNoPanic(t *testing.T) {
	dir := t.TempDir()
	log, stable, err := Logs{}.Open(1, dir, true)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(300) {
		if err := log.StoreLog(&raft.Log{Index: i + 1, Data: make([]byte, 100+i*37%9000)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(log.DeleteRange(1, 50), log.Close(), stable.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "log.db")
	if err := check(path); err != nil {
		t.Fatalf("a whole file: %v", err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	seen := 0
	for try := range 100 {
		b := append([]byte(nil), whole...)
		page := random.IntN(len(b) / os.Getpagesize())
		at := page*os.Getpagesize() + random.IntN(64) // the header and the first elements
		b[at] ^= byte(1 + random.IntN(255))
		path := filepath.Join(dir, fmt.Sprint(try)) // one that bbolt gave up on may still be locked
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := open(path, false) // must not panic
		if err == nil {
			err = s.Close()
		} else if seen++; !errors.Is(err, raftstore.ErrCorrupt) {
			t.Errorf("try %d, byte %d: %v", try, at, err)
		}
	}
	if seen == 0 {
		t.Error("no damage was seen")
	}
	t.Logf("%d of 100 changes seen when the file was opened", seen)
}
