//go:build e2e

package chaos

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/chaos/disk"
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

// accepted is what a loss of power must not take: calls that were acknowledged.
const acceptedCalls = 120

// losePower runs n nodes of the binaries in bin, sends calls, ends all nodes at
// once, and starts them again on what they had synced. It gives how many of the
// acknowledged calls are not there any more; an error says that the network did
// not come back at all.
func losePower(t *testing.T, bin string, n int, store string) (lost int, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	dir := t.TempDir()
	repository, err := MakeRepository(ctx, "../../examples/processors", filepath.Join(dir, "repository"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(bin, dir, n, "--log-store", store)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, node := range w.Nodes {
		if err := os.MkdirAll(node.Data, 0o755); err != nil {
			t.Fatal(err)
		}
		node.Disk = disk.NewImage(node.Data)
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	if err := w.WaitReady(ctx, tolerated(n)); err != nil {
		showLogs(t, w)
		t.Fatal(err)
	}
	quickstart(t, w, repository)
	ids := submit(ctx, t, w)

	for _, node := range w.Nodes {
		node.Kill()
	}
	for _, node := range w.Nodes {
		image := node.Data + "-synced"
		if err := node.Disk.Write(image); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d syncs", node.Name, node.Disk.Syncs())
		node.Data, node.Disk = image, nil
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	back, cancelBack := context.WithTimeout(ctx, 30*time.Second)
	defer cancelBack()
	if err := w.WaitReady(back, tolerated(n)); err != nil {
		return 0, err
	}
	c, err := client.New(client.Options{Addresses: w.Addresses()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i, id := range ids {
		call, err := c.Result(back, id, 20*time.Second)
		if want := fmt.Sprintf(`"Do this String: %d"`, i); err != nil || call.GetResult() != want {
			t.Logf("call %d: %v, %v", i, call, err)
			lost++
		}
	}
	return lost, nil
}

func submit(ctx context.Context, t *testing.T, w *Network) (ids []string) {
	t.Helper()
	c, err := client.New(client.Options{Addresses: w.Addresses()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range acceptedCalls {
		data := fmt.Sprint(i)
		call, err := c.Submit(ctx, &messages.RunRequest{Socket: doThis, Data: &data})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, call.GetId())
	}
	return ids
}

// TestPowerLossKeepsWhatWasAccepted drops the bytes that were not synced.
func TestPowerLossKeepsWhatWasAccepted(t *testing.T) {
	for _, store := range []string{"wal", "bolt"} {
		for _, n := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d nodes", store, n), func(t *testing.T) {
				if lost, err := losePower(t, bin(t), n, store); err != nil || lost > 0 {
					t.Errorf("%d of %d accepted calls are lost, %v", lost, acceptedCalls, err)
				}
			})
		}
	}
}

// TestPowerLossIsSeenWithoutFsync shows that the test above can fail: a build
// whose fsync does nothing loses calls, or does not come back.
func TestPowerLossIsSeenWithoutFsync(t *testing.T) {
	unsafe := t.TempDir()
	build := exec.Command("go", "build", "-tags", "nofsync", "-o", unsafe+"/", "../../cmd/node", "../../cmd/flowcli")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build without fsync: %v\n%s", err, out)
	}
	for _, store := range []string{"wal", "bolt"} {
		t.Run(store, func(t *testing.T) {
			lost, err := losePower(t, unsafe, 1, store)
			if err == nil && lost == 0 {
				t.Error("a build without fsync lost nothing: the test of a power loss shows nothing")
			}
			t.Logf("without fsync: %d of %d accepted calls lost, %v", lost, acceptedCalls, err)
		})
	}
}
