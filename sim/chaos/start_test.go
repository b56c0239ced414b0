//go:build e2e

package chaos

import (
	"context"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// within is how long a start may take on a machine that has other things to do.
const within = 20 * time.Second

// startedAlone starts n nodes at once that are told nothing, and gives how long
// they took to be ready.
func startedAlone(t *testing.T, n int) (*Network, time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	w, err := New(bin(t), t.TempDir(), n)
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range w.Nodes {
		node.Discover = true
	}
	t.Cleanup(w.Close)
	began := time.Now()
	if err := w.Start(); err == nil {
		err = w.WaitReady(ctx, tolerated(n))
	}
	if err != nil {
		showLogs(t, w)
		t.Fatal(err)
	}
	return w, time.Since(began)
}

// TestOneNodeIsReadyAtOnce: without flags it is a network of its own.
func TestOneNodeIsReadyAtOnce(t *testing.T) {
	best := within
	for range 5 {
		w, took := startedAlone(t, 1)
		w.Close()
		best = min(best, took)
		t.Logf("ready after %s", took.Round(time.Millisecond))
	}
	if best > time.Second {
		t.Errorf("at best it took %s", best)
	}
}

// TestNodesStartedAtOnceFormOneNetwork: three nodes without flags, ten times.
func TestNodesStartedAtOnceFormOneNetwork(t *testing.T) {
	best := within
	for range 10 {
		w, took := startedAlone(t, 3)
		best = min(best, took)
		t.Logf("ready after %s", took.Round(time.Millisecond))
		networks := map[string]int{}
		for _, node := range w.Nodes {
			info := networkOf(t, node)
			networks[info.GetNetworkId()]++
			if len(info.GetNodes()) != 3 || info.GetLossesTolerated() != 1 {
				t.Errorf("%s sees %d nodes, %d losses tolerated", node.Name, len(info.GetNodes()), info.GetLossesTolerated())
			}
		}
		if len(networks) != 1 {
			t.Errorf("they are of different networks: %v", networks)
		}
		w.Close()
	}
	if best > 2500*time.Millisecond {
		t.Errorf("at best it took %s", best)
	}
}

// networkOf is the network as one node sees it.
func networkOf(t *testing.T, node *Node) *messages.NetworkInfo {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	c, err := client.New(client.Options{Addresses: []string{node.Address()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	info, err := c.Network(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return info
}
