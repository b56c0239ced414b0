//go:build e2e

package chaos

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

// driven keeps callers busy until the function that it returns is called.
func driven(t *testing.T, w *Network, callers int) (*Ledger, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ledger, stop, done := NewLedger(w, doSomething), make(chan struct{}), make(chan struct{})
	go func() { defer close(done); ledger.Drive(ctx, callers, stop) }()
	var once bool
	end := func() {
		if !once {
			once = true
			close(stop)
			<-done
			cancel()
		}
	}
	t.Cleanup(end)
	return ledger, end
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := Until(ctx, what, holds); err != nil {
		t.Fatal(err)
	}
}

// awaitReady waits until all nodes that run are ready.
func awaitReady(t *testing.T, w *Network, losses int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*within)
	defer cancel()
	if err := w.WaitReady(ctx, losses); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, nodes ...*Node) {
	t.Helper()
	for _, n := range nodes {
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRollingRestartIsNotNoticed: SIGTERM hands leadership over.
func TestRollingRestartIsNotNoticed(t *testing.T) {
	w, repository := started(t, 3)
	quickstart(t, w, repository)
	ledger, end := driven(t, w, callersInTests)
	for _, n := range w.Nodes {
		before := ledger.Len()
		eventually(t, "calls to run", func() bool { return ledger.Len() > before+100 })
		ledger.Slowest()
		began := time.Now()
		if err := n.Stop(); err != nil {
			t.Errorf("%s ended with %v", n.Name, err)
		}
		stopped := time.Since(began)
		start(t, n)
		awaitReady(t, w, 1)
		slowest := ledger.Slowest()
		t.Logf("%s: stopped in %s, back after %s; the slowest call took %s", n.Name,
			stopped.Round(time.Millisecond), (time.Since(began) - stopped).Round(time.Millisecond), slowest.Round(time.Millisecond))
		if slowest > Patience/2 {
			t.Errorf("while %s was stopped and started a call took %s", n.Name, slowest)
		}
	}
	end()
	if err := ledger.Check(t.Context(), "TEXT:"); err != nil {
		t.Error(err)
	}
}

// TestWipedNodeJoinsAsANewOne under its old name, and nothing is lost with it.
func TestWipedNodeJoinsAsANewOne(t *testing.T) {
	w, repository := started(t, 3)
	quickstart(t, w, repository)
	ledger, end := driven(t, w, 8)
	victim := w.Nodes[1]
	was := nodeNamed(networkOf(t, w.Nodes[0]), victim.Name)
	eventually(t, "calls to run", func() bool { return ledger.Len() > 100 })
	victim.Kill()
	if err := os.RemoveAll(victim.Data); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	start(t, victim)
	awaitReady(t, w, 1)
	t.Logf("it has its replicas %s after its start", time.Since(began).Round(time.Millisecond))
	info := networkOf(t, w.Nodes[0])
	if is := nodeNamed(info, victim.Name); is.GetId() == was.GetId() || len(info.GetNodes()) != 3 {
		t.Errorf("it was %s and is %s, of %d nodes", was.GetId(), is.GetId(), len(info.GetNodes()))
	}
	// The one that was wiped has given its votes up by now, and goes.
	eventually(t, "each group to have three voters and nobody else", func() bool {
		return !slices.ContainsFunc(networkOf(t, w.Nodes[0]).GetGroups(), func(g *messages.GroupInfo) bool {
			return len(g.GetVoters()) != 3 || len(g.GetNonvoters()) != 0
		})
	})
	end()
	w.Nodes[0].Kill() // the other one that had all from the beginning
	if err := ledger.Check(t.Context(), "TEXT:"); err != nil {
		t.Errorf("served by the node that was wiped and another: %v", err)
	}
}

func nodeNamed(info *messages.NetworkInfo, name string) *messages.Object {
	for _, n := range info.GetNodes() {
		if n.GetName() == name {
			return n
		}
	}
	return nil
}

// TestNodeOfAnotherNetworkIsRefused, ends, and says why.
func TestNodeOfAnotherNetworkIsRefused(t *testing.T) {
	w, other := mustStart(t, 1), mustStart(t, 1)
	of, stranger := networkOf(t, w.Nodes[0]).GetNetworkId(), other.Nodes[0]
	its := networkOf(t, stranger).GetNetworkId()
	if err := stranger.Stop(); err != nil {
		t.Fatal(err)
	}
	stranger.Flags = []string{"--join", w.Nodes[0].GossipAddress()}
	start(t, stranger)
	eventually(t, "the stranger to end", func() bool { return stranger.PID() == 0 })
	if stranger.Stop() == nil {
		t.Error("its exit code is 0")
	}
	why := lastLine(stranger)
	t.Log(why)
	for _, part := range []string{of, its, w.Nodes[0].Name + " at " + w.Nodes[0].GossipAddress(), "empty data directory"} {
		if !strings.Contains(why, part) {
			t.Errorf("what it says does not name %s", part)
		}
	}
	if n := len(networkOf(t, w.Nodes[0]).GetNodes()); n != 1 {
		t.Errorf("the network has %d nodes now", n)
	}
}

func mustStart(t *testing.T, n int) *Network {
	t.Helper()
	w, err := New(bin(t), t.TempDir(), n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	start(t, w.Nodes...)
	awaitReady(t, w, tolerated(n))
	return w
}

// TestNodesFindEachOtherWithoutTheOneTheyJoined: both were told to join the
// founder, which is gone.
func TestNodesFindEachOtherWithoutTheOneTheyJoined(t *testing.T) {
	w := mustStart(t, 3)
	for _, n := range w.Nodes {
		n.Kill()
	}
	began := time.Now()
	start(t, w.Nodes[1], w.Nodes[2])
	eventually(t, "the other two to serve", func() bool {
		a, aReady := w.Nodes[1].Ready()
		b, bReady := w.Nodes[2].Ready()
		return aReady && bReady && a.LossesTolerated == 0 && b.LossesTolerated == 0
	})
	t.Logf("they serve after %s", time.Since(began).Round(time.Millisecond))
}
