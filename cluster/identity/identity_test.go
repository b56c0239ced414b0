package identity

import (
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
	if err := os.WriteFile(filepath.Join(dir, file), []byte(`{"node":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, ""); !errors.Is(err, messages.Invalid) {
		t.Errorf("got %v", err)
	}
}
