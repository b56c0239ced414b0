package boltlog

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/conform"
)

// What is not tested here is whether bbolt syncs what it acknowledges: it calls
// the operating system itself, and nothing in the process can stand between. A
// test of whole processes has to look at their system calls.

func TestConformance(t *testing.T) { conform.Logs(t, Logs{}) }

func TestDamagedFileIsNoOpenLog(t *testing.T) {
	dir := t.TempDir()
	log, stable, err := Logs{}.Open(0, dir, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(log.Close(), stable.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"log.db", "stable.db"} {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		broken := append([]byte(nil), whole...)
		clear(broken[:8192]) // both of bbolt's first pages
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := (Logs{}).Open(0, dir, false); !errors.Is(err, raftstore.ErrCorrupt) {
			t.Errorf("%s without its first pages: %v", name, err)
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
