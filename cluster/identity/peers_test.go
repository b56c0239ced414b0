package identity

import (
	"slices"
	"testing"
)

func TestPeersAreKept(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(dir, "a")
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Peers(); len(got) != 0 {
		t.Errorf("a new node knows %v", got)
	}
	for _, want := range [][]string{{"h:1", "h:2"}, {}, {"h:3"}} {
		if err := d.SetPeers(want); err != nil {
			t.Fatal(err)
		}
		if got := d.Peers(); !slices.Equal(got, want) {
			t.Errorf("kept %v, want %v", got, want)
		}
	}
	d.Close()
	if d, err = Open(dir, "a"); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := d.Peers(); !slices.Equal(got, []string{"h:3"}) {
		t.Errorf("after a restart: %v", got)
	}
}
