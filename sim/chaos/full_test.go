//go:build e2e

package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

const smallDisk = 384 << 20

// onSmallDisk gives a running node whose data is on a disk of its own.
func onSmallDisk(t *testing.T, store string) (w *Network, mount string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	w, err := New(bin(t), dir, 1, "--log-store", store)
	if err != nil {
		t.Fatal(err)
	}
	mount = mountSmall(t, w, filepath.Join(dir, "disk"))
	w.Nodes[0].Data = filepath.Join(mount, "n1")
	repository, err := MakeRepository(ctx, "../../examples/processors", filepath.Join(dir, "repository"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	if err := w.WaitReady(ctx, 0); err != nil {
		t.Fatal(err)
	}
	quickstart(t, w, repository)
	return w, mount
}

// mountSmall mounts a small disk. When the test ends, the network that uses it
// does before.
func mountSmall(t *testing.T, w *Network, mount string) string {
	t.Helper()
	if err := os.Mkdir(mount, 0o700); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("tmpfs", mount, "tmpfs", 0, fmt.Sprintf("size=%d", smallDisk))
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("NOT TESTED: a full disk: this user may not mount a small one: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Close()
		if t.Failed() {
			showLogs(t, w)
		}
		if err := syscall.Unmount(mount, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return mount
}

// fillDisk leaves so many bytes of a disk free, and gives what makes room again.
func fillDisk(t *testing.T, mount string, leave int64) (empty func()) {
	t.Helper()
	path := filepath.Join(mount, "ballast")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 64<<10); ; {
		var s syscall.Statfs_t
		if err := syscall.Statfs(mount, &s); err != nil {
			t.Fatal(err)
		}
		free := int64(s.Bavail)*int64(s.Bsize) - leave
		if free <= 0 {
			break
		}
		if _, err := f.Write(block[:min(free, int64(len(block)))]); errors.Is(err, syscall.ENOSPC) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

// TestFullDiskRefusesNewCallsAndKeepsTheOld leaves little room on the disk.
func TestFullDiskRefusesNewCallsAndKeepsTheOld(t *testing.T) {
	w, mount := onSmallDisk(t, "wal")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.New(client.Options{Addresses: w.Addresses()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	address := w.Nodes[0].Address()
	cli(t, w, address, "", "proc", "stop", "proc1")
	held := submitLarge(ctx, t, c, 4)

	empty := fillDisk(t, mount, 8<<20)
	err = Until(ctx, "a new call to be refused", func() bool {
		limited, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		data := `"new"`
		_, err = c.Submit(limited, &messages.RunRequest{Socket: doThis, Data: &data})
		return err != nil
	})
	if err != nil {
		t.Fatal(err)
	}
	out := try(t, w, address, "", "task", "run", "-s", doThis, "-d", "new", "--timeout", "2s")
	if out.Code == 0 || !strings.Contains(out.Stderr, "disk full") || !strings.Contains(out.Stderr, "make room") {
		t.Errorf("a call on a full disk: exit code %d, %s", out.Code, out.Stderr)
	}
	cli(t, w, address, "", "proc", "start", "proc1") // what is there goes on
	finished(ctx, t, c, held)
	cli(t, w, address, "", "ls", "calls")

	empty()
	if got := cli(t, w, address, "", "task", "run", "-s", doThis, "-d", "again"); got != "Do this String: again\n" {
		t.Errorf("with room again: %q", got)
	}
}

// TestDiskWithoutAByteLeftStopsTheNode lets the log meet the end of the disk:
// the node stops, and serves again with all it had once there is room.
func TestDiskWithoutAByteLeftStopsTheNode(t *testing.T) {
	for _, store := range []string{"wal", "bolt"} {
		t.Run(store, func(t *testing.T) {
			w, mount := onSmallDisk(t, store)
			ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
			defer cancel()
			c, err := client.New(client.Options{Addresses: w.Addresses()})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			node := w.Nodes[0]
			cli(t, w, node.Address(), "", "proc", "stop", "proc1")
			held := submitLarge(ctx, t, c, 120)
			empty := fillDisk(t, mount, 0)
			cli(t, w, node.Address(), "", "proc", "start", "proc1") // results come, and there is no room for them
			if err := Until(ctx, "the node to stop", func() bool { return node.PID() == 0 }); err != nil {
				t.Fatal(err)
			}
			if log, _ := os.ReadFile(node.LogFile()); !strings.Contains(string(log), "disk full; make room on the disk of "+node.Data) {
				t.Error("the node stopped, and did not say why and what to do")
			}
			empty()
			if err := w.Start(); err != nil {
				t.Fatal(err)
			}
			if err := comesBack(ctx, w, 0); err != nil {
				t.Fatal(err)
			}
			finished(ctx, t, c, held)
		})
	}
}

// TestNetworkGoesOnWhileMostDisksHaveRoom: with one disk of three short all goes
// on, with two nothing new is taken; a disk without a byte left stops its node.
func TestNetworkGoesOnWhileMostDisksHaveRoom(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()
	w, err := New(bin(t), dir, 3)
	if err != nil {
		t.Fatal(err)
	}
	var mounts []string
	for _, n := range w.Nodes[1:] {
		mounts = append(mounts, mountSmall(t, w, filepath.Join(dir, "disk-"+n.Name)))
		n.Data = filepath.Join(mounts[len(mounts)-1], n.Name)
	}
	repository, err := MakeRepository(ctx, "../../examples/processors", filepath.Join(dir, "repository"))
	if err != nil {
		t.Fatal(err)
	}
	start(t, w.Nodes...)
	awaitReady(t, w, 1)
	quickstart(t, w, repository)
	n1, n2 := w.Nodes[0], w.Nodes[1]
	shows := func(n *Node, short bool) func() bool {
		return func() bool {
			return strings.Contains(nodeNamed(networkOf(t, n1), n.Name).GetMessage(), "disk is short") == short
		}
	}
	run := func(when string) {
		t.Helper()
		if got := cli(t, w, n1.Address(), "", "task", "run", "-s", doThis, "-d", "x"); got != "Do this String: x\n" {
			t.Errorf("%s: %q", when, got)
		}
	}

	empty2 := fillDisk(t, mounts[0], 8<<20)
	eventually(t, "n2 to say that its disk is short", shows(n2, true))
	if out := cli(t, w, n1.Address(), "", "node", "ls"); !strings.Contains(out, "its disk is short of room") {
		t.Errorf("node ls:\n%s", out)
	}
	run("one disk of three is short")

	empty3 := fillDisk(t, mounts[1], 8<<20)
	eventually(t, "n3 to say that its disk is short", shows(w.Nodes[2], true))
	out := try(t, w, n1.Address(), "", "task", "run", "-s", doThis, "-d", "new", "--timeout", "2s")
	if out.Code == 0 || !strings.Contains(out.Stderr, "disk full") || !strings.Contains(out.Stderr, "n2, n3") {
		t.Errorf("with two disks of three short: exit code %d, %s", out.Code, out.Stderr)
	}
	empty3()
	eventually(t, "n3 to have room", shows(w.Nodes[2], false))
	run("n3 has room again")

	empty2()
	empty2 = fillDisk(t, mounts[0], 0)
	c, err := client.New(client.Options{Addresses: []string{n1.Address(), w.Nodes[2].Address()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var ids []string
	for n2.PID() != 0 && ctx.Err() == nil { // until its log meets the end of the disk
		sent := submitLarge(ctx, t, c, 16)
		finished(ctx, t, c, sent)
		ids = append(ids, sent...)
	}
	if log, _ := os.ReadFile(n2.LogFile()); !strings.Contains(string(log), "disk full; make room on the disk of "+n2.Data) {
		t.Error("n2 stopped, and did not say why and what to do")
	}
	t.Logf("n2 stopped after %d large calls", len(ids))
	run("n2 has stopped")
	empty2()
	start(t, n2)
	awaitReady(t, w, 1)
	finished(ctx, t, c, ids)
}

const largeArgument = 200 << 10

// submitLarge sends calls whose arguments, and results, take room.
func submitLarge(ctx context.Context, t *testing.T, c *client.Client, n int) (ids []string) {
	t.Helper()
	data := `"` + strings.Repeat("x", largeArgument) + `"`
	for range n {
		call, err := c.Submit(ctx, &messages.RunRequest{Socket: doThis, Data: &data})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, call.GetId())
	}
	return ids
}

func finished(ctx context.Context, t *testing.T, c *client.Client, ids []string) {
	t.Helper()
	for i, id := range ids {
		call, err := c.Result(ctx, id, 30*time.Second)
		if err != nil || call.GetState() != "finished" || len(call.GetResult()) < largeArgument {
			t.Fatalf("call %d of %d, %s, is %s, %v %v", i, len(ids), id, call.GetState(), call.GetError(), err)
		}
	}
}
