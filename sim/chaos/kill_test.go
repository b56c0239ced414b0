//go:build e2e

package chaos

import (
	"context"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
)

const callersInTests = 64

// leaderOf gives the node that leads most partitions.
func leaderOf(t testing.TB, w *Network) *Node {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := client.New(client.Options{Addresses: w.Addresses()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	leads := map[string]int{}
	info, err := c.Network(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range info.GetGroups() {
		leads[g.GetLeader()]++
	}
	best := w.Nodes[0]
	for _, n := range w.Nodes {
		if leads[n.Name] > leads[best.Name] {
			best = n
		}
	}
	return best
}

// TestKillsLoseNothing kills one node after the other, leaders included, under
// 64 callers, and at the end all three at once.
func TestKillsLoseNothing(t *testing.T) {
	for _, store := range []string{"wal", "bolt"} {
		t.Run(store, func(t *testing.T) {
			w, repository := started(t, 3, "--log-store", store)
			quickstart(t, w, repository)
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()

			ledger, stop, done := NewLedger(w, doSomething), make(chan struct{}), make(chan struct{})
			go func() { defer close(done); ledger.Drive(ctx, callersInTests, stop) }()
			for kill := range 10 {
				victim := w.Nodes[kill%3]
				if kill%2 == 0 {
					victim = leaderOf(t, w)
				}
				before, began := ledger.Len(), time.Now()
				victim.Kill()
				if err := Until(ctx, "calls to go on without "+victim.Name, func() bool { return ledger.Len() > before+100 }); err != nil {
					t.Fatal(err)
				}
				resumed := time.Now()
				if err := victim.Start(); err != nil {
					t.Fatal(err)
				}
				if err := w.WaitReady(ctx, 1); err != nil {
					t.Fatal(err)
				}
				t.Logf("kill %d, %s: calls go on after %s, it is back %s after its start; the slowest call took %s", kill+1, victim.Name,
					resumed.Sub(began).Round(time.Millisecond), time.Since(resumed).Round(time.Millisecond), ledger.Slowest().Round(time.Millisecond))
			}
			close(stop)
			<-done
			t.Logf("%d calls through ten kills", ledger.Len())
			if err := ledger.Check(ctx, "TEXT:"); err != nil {
				t.Fatal(err)
			}

			for _, n := range w.Nodes {
				go n.Kill()
			}
			if err := Until(ctx, "all three to be dead", func() bool {
				return w.Nodes[0].PID() == 0 && w.Nodes[1].PID() == 0 && w.Nodes[2].PID() == 0
			}); err != nil {
				t.Fatal(err)
			}
			if err := w.Start(); err != nil {
				t.Fatal(err)
			}
			if err := w.WaitReady(ctx, 1); err != nil {
				t.Fatal(err)
			}
			if err := ledger.Check(ctx, "TEXT:"); err != nil {
				t.Errorf("after all three were killed: %v", err)
			}
		})
	}
}
