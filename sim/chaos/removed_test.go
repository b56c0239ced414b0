//go:build e2e

package chaos

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/elasticcode/flow/model"
)

// TestRemovedNodeStaysOut: a node that is deleted while it only sleeps ends by
// itself when it wakes, and when it is started again; with an empty directory
// it is a new one. The others notice nothing of all this.
func TestRemovedNodeStaysOut(t *testing.T) {
	w, repository := started(t, 3)
	quickstart(t, w, repository)
	ledger, end := driven(t, w, 4)
	victim, other := w.Nodes[2], w.Nodes[0]
	was := nodeNamed(networkOf(t, other), victim.Name)

	victim.Signal(syscall.SIGSTOP)
	eventually(t, "the sleeper to be found down", func() bool { return nodeNamed(networkOf(t, other), victim.Name).GetStatus() == model.Down })
	cli(t, w, other.Address(), "", "delete", "node", victim.Name)
	victim.Signal(syscall.SIGCONT)
	refusedAsRemoved(t, victim)

	start(t, victim)
	refusedAsRemoved(t, victim)
	if n := len(networkOf(t, other).GetNodes()); n != 2 {
		t.Errorf("the network has %d nodes", n)
	}
	before := ledger.Len()
	eventually(t, "calls to run on the others", func() bool { return ledger.Len() > before+50 })

	if err := os.RemoveAll(victim.Data); err != nil {
		t.Fatal(err)
	}
	start(t, victim)
	awaitReady(t, w, 1)
	if is := nodeNamed(networkOf(t, other), victim.Name); is.GetId() == was.GetId() {
		t.Errorf("it is %s again", is.GetId())
	}
	end()
	if err := ledger.Check(t.Context(), "TEXT:"); err != nil {
		t.Error(err)
	}
}

// refusedAsRemoved waits until a node has ended, and looks at what it says.
func refusedAsRemoved(t *testing.T, n *Node) {
	t.Helper()
	began := time.Now()
	eventually(t, "the removed node to end", func() bool { return n.PID() == 0 })
	if n.Stop() == nil {
		t.Error("its exit code is 0")
	}
	why := lastLine(n)
	t.Logf("after %s: %s", time.Since(began).Round(time.Millisecond), why)
	for _, part := range []string{"removed from it on purpose", "erase its data directory " + n.Data} {
		if !strings.Contains(why, part) {
			t.Errorf("what it says lacks %q", part)
		}
	}
}
