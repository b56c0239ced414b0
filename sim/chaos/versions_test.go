//go:build e2e

package chaos

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

// newer is the name of the version that the nodes of a mixed network change to.
const newer = "newer"

// olderBin gives the directory of the node that a mixed network begins with, and
// its version: what OLD_BIN names, or this tree's.
func olderBin(t *testing.T) (dir, version string) {
	t.Helper()
	dir = os.Getenv("OLD_BIN")
	if dir == "" {
		t.Log("SKIPPED: an earlier release: OLD_BIN does not name the directory of one; this tree is mixed with itself, built under another name")
		dir = bin(t)
	}
	out, err := exec.Command(filepath.Join(dir, "node"), "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	return dir, string(out)
}

// newerBin builds the node of this tree as another version.
func newerBin(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	c := exec.Command("go", "build", "-ldflags", "-s -w -X github.com/elasticcode/flow/messages.Version="+newer, "-o", dir+"/", "./cmd/node")
	c.Dir, c.Env = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build the node as another version: %v\n%s", err, out)
	}
	return dir
}

// TestVersionsMix changes the nodes of a network one after the other to another
// build while calls go on: no caller sees an error, whoever leads and whoever
// follows, and each node says which version it is.
func TestVersionsMix(t *testing.T) {
	old, name := olderBin(t)
	other := newerBin(t)
	w, repository := startedFrom(t, old, 3)
	l := labOn(t, w, repository)
	l.processor("p", "--concurrency", "3")
	socket := l.socket("p", "do_something")
	l.run(socket, `"warm"`, "finished")
	t.Logf("begins with %s", name)

	ledger, stop, ended := NewLedger(w, socket), make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	go func() { defer close(ended); ledger.Drive(ctx, 3, stop) }()
	for i, n := range w.Nodes {
		before := ledger.Len()
		if err := n.Stop(); err != nil {
			t.Errorf("node %s ended with %v", n.Name, err)
		}
		n.Bin = other
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		ready(l)
		l.until("the node to say which version it is", soon, func() bool { return l.versions()[newer] == i+1 })
		l.until("calls to go on", soon, func() bool { return ledger.Len() > before+20 })
	}
	close(stop)
	<-ended
	t.Logf("%d calls were answered meanwhile, the slowest after %s", ledger.Len(), ledger.Slowest())
	if err := ledger.Check(ctx, "TEXT:"); err != nil {
		t.Error(err)
	}
}

// versions counts the nodes by their version.
func (l *lab) versions() map[string]int {
	l.t.Helper()
	all := map[string]int{}
	for _, o := range l.list(messages.Kind_KIND_NODE, "") {
		all[o.GetNode().GetVersion()]++
	}
	return all
}
