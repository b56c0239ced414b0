//go:build e2e

package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/chaos/disk"
)

// acceptedCalls is how many calls are acknowledged, at least, before the power
// goes.
const acceptedCalls = 200

// powerLoss is one try: a network that runs under the eyes of tracers, loses
// power while calls come in, and starts again on what it had synced.
type powerLoss struct {
	bin   string
	nodes int
	store string
	// settled: the network was founded and stopped before, and all of that is on
	// disk; only what comes after can be lost.
	settled bool
}

// run gives how many of the acknowledged calls are not there any more; an error
// says that the network did not come back.
func (p powerLoss) run(t *testing.T) (lost, accepted int, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	dir := t.TempDir()
	repository, err := MakeRepository(ctx, "../../examples/processors", filepath.Join(dir, "repository"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(p.bin, dir, p.nodes, "--log-store", p.store)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, n := range w.Nodes {
		n.Data = filepath.Join(n.Data, "made", "by-the-node")
	}
	if p.settled {
		p.begin(ctx, t, w)
		quickstart(t, w, repository)
		w.Close()
	}
	for _, n := range w.Nodes {
		n.Disk = watched(t, filepath.Join(w.Dir, n.Name))
	}
	p.begin(ctx, t, w)
	if !p.settled {
		quickstart(t, w, repository)
	}
	calls := acceptUntilTheEnd(ctx, t, w)
	for _, n := range w.Nodes {
		t.Logf("%s: %d syncs", n.Name, n.Disk.Syncs())
		if err := n.Disk.Write(filepath.Join(w.Dir, n.Name+"-synced")); err != nil {
			t.Fatal(err)
		}
		n.Data, n.Disk = filepath.Join(w.Dir, n.Name+"-synced", "made", "by-the-node"), nil
	}
	lost, err = p.missing(ctx, t, w, calls)
	return lost, len(calls), err
}

func watched(t *testing.T, root string) *disk.Image {
	t.Helper()
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	image := disk.NewImage(root)
	if err := image.Adopt(); err != nil {
		t.Fatal(err)
	}
	return image
}

func (p powerLoss) begin(ctx context.Context, t *testing.T, w *Network) {
	t.Helper()
	err := w.Start()
	if errors.Is(err, disk.ErrNotTraced) {
		t.Skipf("NOT TESTED: what a loss of power leaves: %v", err)
	}
	if err == nil {
		err = w.WaitReady(ctx, tolerated(p.nodes))
	}
	if err != nil {
		showLogs(t, w)
		t.Fatal(err)
	}
}

// acceptUntilTheEnd sends calls, and ends all nodes at once while they still
// come. It gives the acknowledged ones: id -> argument.
func acceptUntilTheEnd(ctx context.Context, t *testing.T, w *Network) map[string]string {
	t.Helper()
	const senders = 4
	sending, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	calls := map[string]string{}
	enough := make(chan struct{})
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			address := w.Nodes[sender%len(w.Nodes)].Address()
			c, err := client.New(client.Options{Addresses: []string{address}, Patience: -1})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for i := 0; ; i++ {
				argument := fmt.Sprintf("%d-%d", sender, i)
				data := fmt.Sprintf("%q", argument)
				call, err := c.Submit(sending, &messages.RunRequest{Socket: doThis, Data: &data})
				if err != nil {
					select {
					case <-enough: // the power has gone, or is about to
					default:
						t.Errorf("submit call %s: %v", argument, err)
					}
					return
				}
				mu.Lock()
				if calls[call.GetId()] = argument; len(calls) == acceptedCalls {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-ctx.Done():
		t.Error("not enough calls were accepted")
	}
	KillAll(w.Nodes)
	stop()
	all.Wait()
	return calls
}

// missing starts the network again, and counts the calls that it does not
// finish with the right result.
func (p powerLoss) missing(ctx context.Context, t *testing.T, w *Network, calls map[string]string) (lost int, err error) {
	t.Helper()
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	back, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := comesBack(back, w, tolerated(p.nodes)); err != nil {
		return 0, err
	}
	c, err := client.New(client.Options{Addresses: w.Addresses()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for id, argument := range calls {
		call, err := c.Result(back, id, 20*time.Second)
		if want := fmt.Sprintf(`"Do this String: %s"`, argument); err != nil || call.GetResult() != want {
			if lost++; lost == 1 {
				t.Logf("call %s of %q: %v, %v", id, argument, call, err)
			}
		}
	}
	return lost, nil
}

// comesBack waits until all nodes are ready; one that ends is an error at once.
func comesBack(ctx context.Context, w *Network, losses int) (err error) {
	ready := func() bool {
		for _, n := range w.Nodes {
			if n.PID() == 0 {
				err = fmt.Errorf("node %s does not start: %s", n.Name, lastLine(n))
				return true
			}
			if r, ok := n.Ready(); !ok || r.LossesTolerated < losses {
				return false
			}
		}
		return true
	}
	return errors.Join(Until(ctx, "the network to come back", ready), err)
}

// TestPowerLossKeepsWhatWasAccepted drops the bytes that were not synced.
func TestPowerLossKeepsWhatWasAccepted(t *testing.T) {
	for _, p := range []powerLoss{
		{store: "wal", nodes: 1}, {store: "wal", nodes: 1, settled: true}, {store: "wal", nodes: 3},
		{store: "bolt", nodes: 1}, {store: "bolt", nodes: 1, settled: true}, {store: "bolt", nodes: 3},
	} {
		t.Run(fmt.Sprintf("%s, %d nodes, settled %v", p.store, p.nodes, p.settled), func(t *testing.T) {
			p.bin = bin(t)
			lost, accepted, err := p.run(t)
			if err != nil || lost > 0 {
				t.Errorf("%d of %d accepted calls are lost, %v", lost, accepted, err)
			}
		})
	}
}

// TestPowerLossIsSeenWithoutFsync shows that the test above can fail: a build
// whose fsync does nothing loses calls.
func TestPowerLossIsSeenWithoutFsync(t *testing.T) {
	unsafe := t.TempDir()
	build := exec.Command("go", "build", "-tags", "nofsync", "-o", unsafe+"/", "../../cmd/node", "../../cmd/flowcli")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build without fsync: %v\n%s", err, out)
	}
	for _, store := range []string{"wal", "bolt"} {
		t.Run(store, func(t *testing.T) {
			lost, accepted, err := powerLoss{bin: unsafe, nodes: 1, store: store, settled: true}.run(t)
			if err == nil && lost == 0 {
				t.Error("a build without fsync lost nothing: the test of a power loss shows nothing")
			}
			t.Logf("without fsync: %d of %d accepted calls are lost, %v", lost, accepted, err)
		})
	}
}
