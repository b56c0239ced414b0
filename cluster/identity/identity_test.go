package identity

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestIdentityIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node-0")
	d, err := Open(dir, "first")
	if err != nil {
		t.Fatal(err)
	}
	was := d.Identity()
	if was.Boot != 1 || was.Node == "" || was.Network != "" {
		t.Errorf("a new node is %+v", was)
	}
	if _, err := Open(dir, ""); !errors.Is(err, messages.Conflict) {
		t.Errorf("a second process: %v", err)
	}
	if err := d.SetNetwork("n"); err != nil {
		t.Fatal(err)
	}
	if err := d.SetNetwork("other"); !errors.Is(err, messages.Denied) {
		t.Errorf("a second network: %v", err)
	}
	d.Close()
	if d, err = Open(dir, ""); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got, want := d.Identity(), (Identity{Node: was.Node, Boot: 2, Network: "n", Name: "first"}); got != want {
		t.Errorf("after a restart it is %+v, want %+v", got, want)
	}
}

func TestDamagedIdentityIsNotMadeAnew(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(dir, "first")
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	path := filepath.Join(dir, file)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(whole) {
		flipped := bytes.Clone(whole)
		flipped[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir); !errors.Is(err, messages.Invalid) {
			t.Fatalf("bit %d flipped: %v", bit, err)
		}
	}
	for _, cut := range []int{0, 8, len(whole) - 1} {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, ""); !errors.Is(err, messages.Invalid) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
}

// TestDiscardTakesOnlyWhatItMade: a directory that was there, or that belongs to
// a network, stays.
func TestDiscardTakesOnlyWhatItMade(t *testing.T) {
	above := t.TempDir()
	there := filepath.Join(above, "there")
	if err := os.Mkdir(there, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, network string
		stays         bool
	}{{filepath.Join(above, "made"), "", false}, {filepath.Join(above, "joined"), "n", true}, {there, "", true}} {
		d, err := Open(c.path, "x")
		if err != nil {
			t.Fatal(err)
		}
		if c.network != "" {
			if err := d.SetNetwork(c.network); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Discard(); err != nil {
			t.Error(err)
		}
		d.Close()
		if _, err := os.Stat(c.path); (err == nil) != c.stays {
			t.Errorf("%s: %v", c.path, err)
		}
	}
}
