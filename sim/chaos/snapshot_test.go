//go:build e2e

package chaos

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
)

// arrival is how long a snapshot may be on its way to a node that has started.
const arrival = 10 * time.Second

// TestLaggardGetsASnapshotAndStartsOverWhenKilled keeps a node away until the
// others have cut their logs: it must get their state as a snapshot, also when
// it is killed while that comes.
func TestLaggardGetsASnapshotAndStartsOverWhenKilled(t *testing.T) {
	w, repository := started(t, 3, "--snapshot-bytes", "1048576")
	quickstart(t, w, repository)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	laggard := w.Nodes[2]
	laggard.Kill()
	c, err := client.New(client.Options{Addresses: w.Addresses()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ids := submitLarge(ctx, t, c, 80)
	finished(ctx, t, c, ids)

	received := func(since time.Time) bool {
		files, _ := filepath.Glob(filepath.Join(laggard.Data, "groups", "*", "received.snapshot"))
		return slices.ContainsFunc(files, func(path string) bool {
			info, err := os.Stat(path)
			return err == nil && !info.ModTime().Before(since)
		})
	}
	kills := 0
	for range 3 {
		begin := time.Now()
		if err := laggard.Start(); err != nil {
			t.Fatal(err)
		}
		// The file is there for a moment only, so it is looked for without a pause.
		seen := false
		for until := begin.Add(arrival); !seen && time.Now().Before(until); {
			seen = received(begin)
		}
		laggard.Kill()
		if seen {
			kills++
		}
	}
	if kills == 0 {
		t.Error("no snapshot came: the others did not cut their logs, or it was not seen")
	}
	t.Logf("killed %d times while a snapshot was received or installed", kills)
	due := applied(ctx, t, w.Nodes[0])
	if err := laggard.Start(); err != nil {
		t.Fatal(err)
	}
	if err := Until(ctx, "the laggard is ready", func() bool { _, ready := laggard.Ready(); return ready }); err != nil {
		t.Fatal(err)
	}
	// Few and large entries behind, it must not have counted as caught up.
	for group, has := range applied(ctx, t, laggard) {
		if has < due[group] {
			t.Errorf("ready at entry %d of group %d, and the others had applied %d before it started", has, group, due[group])
		}
	}
	if err := w.WaitReady(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if received(time.Time{}) {
		t.Error("the snapshot's file is left behind")
	}

	// What it has must be seen by asking it while it leads.
	for range 12 {
		leader := leaderOf(t, w)
		if leader == laggard {
			finished(ctx, t, c, ids)
			return
		}
		leader.Kill()
		if err := leader.Start(); err != nil {
			t.Fatal(err)
		}
		if err := w.WaitReady(ctx, 1); err != nil {
			t.Fatal(err)
		}
	}
	t.Error("the node never led")
}

// applied is how far a node's replicas have come, as it says itself.
func applied(ctx context.Context, t *testing.T, n *Node) map[uint32]uint64 {
	t.Helper()
	c, err := client.New(client.Options{Addresses: []string{n.Address()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	info, err := c.Network(ctx)
	if err != nil {
		t.Fatal(err)
	}
	out := map[uint32]uint64{}
	for _, g := range info.Groups {
		out[g.Group] = g.Applied
	}
	return out
}
