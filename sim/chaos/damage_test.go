//go:build e2e

package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// damage changes one byte in each of so many of a file, where it holds data.
func damage(t *testing.T, path string, each int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for from := 0; from < len(b); from += each {
		part := b[from:min(from+each, len(b))]
		if i := slices.IndexFunc(part, func(c byte) bool { return c != 0 }); i >= 0 {
			part[(i+len(part))/2] ^= 0x41
			changed++
		}
	}
	if changed == 0 {
		t.Fatalf("%s holds nothing to damage", path)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// places are the files that hold what was promised, as patterns below the data
// directory.
func places(store string) []string {
	common := []string{"identity", "state/*.sst", "state/MANIFEST-*", "groups/0-1/log.db", "groups/0-1/stable.db", "groups/1-1/stable.db"}
	if store == "bolt" {
		return append(common, "groups/1-1/log.db")
	}
	return append(common, "groups/1-1/wal/*.wal", "groups/1-1/wal/wal-meta.db")
}

// TestDamageIsNeverAnsweredFrom changes bytes of a stopped node: it does not
// start and says why, or answers as before, or refuses to answer.
func TestDamageIsNeverAnsweredFrom(t *testing.T) {
	for _, store := range []string{"wal", "bolt"} {
		w, repository := started(t, 1, "--log-store", store)
		quickstart(t, w, repository)
		node := w.Nodes[0]
		want := finishedCalls(t, w, 60)
		if err := node.Stop(); err != nil {
			t.Fatal(err)
		}
		whole := node.Data
		for _, place := range places(store) {
			for _, each := range []int{4 << 10, 1 << 30} { // one byte of every page, one byte in the middle
				t.Run(fmt.Sprintf("%s, %s, each %d", store, place, each), func(t *testing.T) {
					node.Data = filepath.Join(t.TempDir(), "copy")
					if err := os.CopyFS(node.Data, os.DirFS(whole)); err != nil {
						t.Fatal(err)
					}
					found, err := filepath.Glob(filepath.Join(node.Data, place))
					if err != nil || len(found) == 0 {
						t.Fatalf("no file is %s: %v", place, err)
					}
					for _, path := range found {
						damage(t, path, each)
					}
					t.Log(neverWrong(t, w, want))
				})
			}
		}
		node.Data = whole
	}
}

// finishedCalls gives the results of n calls by their ids.
func finishedCalls(t *testing.T, w *Network, n int) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.New(client.Options{Addresses: w.Addresses()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	results := map[string]string{}
	for i := range n {
		data := fmt.Sprintf(`"%d %s"`, i, strings.Repeat("x", 1000))
		call, err := c.Call(ctx, &messages.RunRequest{Socket: doThis, Data: &data})
		if err != nil {
			t.Fatal(err)
		}
		results[call.GetId()] = call.GetResult()
	}
	return results
}

// neverWrong starts a damaged node and asks it for all it should have. It gives
// how that went.
func neverWrong(t *testing.T, w *Network, want map[string]string) string {
	t.Helper()
	node := w.Nodes[0]
	if err := os.Remove(node.LogFile()); err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	defer node.Kill()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if err := comesBack(ctx, w, 0); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the node neither serves nor stops: %v; it says: %s", err, lastLine(node))
		}
		if !strings.Contains(lastLine(node), "aside") {
			log, _ := os.ReadFile(node.LogFile())
			t.Errorf("the node does not say what to do:\n%.2000s", log)
		}
		return err.Error()
	}
	c, err := client.New(client.Options{Addresses: w.Addresses(), Patience: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for id, result := range want {
		call, err := c.GetCall(ctx, id, false)
		if errors.Is(err, messages.NotFound) || err == nil && call.GetResult() != result {
			t.Errorf("call %s is answered %v, %v", id, call, err)
		}
		if err != nil {
			return "it started, and then: " + err.Error()
		}
	}
	return "it started, and has all"
}

// TestDamagedNodeDoesNotStopTheOthers damages one of three.
func TestDamagedNodeDoesNotStopTheOthers(t *testing.T) {
	w, repository := started(t, 3)
	quickstart(t, w, repository)
	want := finishedCalls(t, w, 20)
	victim := w.Nodes[2]
	if err := victim.Stop(); err != nil {
		t.Fatal(err)
	}
	segments, err := filepath.Glob(filepath.Join(victim.Data, "groups", "*", "wal", "*.wal"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("no segments of a log: %v", err)
	}
	for _, path := range segments {
		damage(t, path, 4<<10)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := Until(ctx, "the damaged node to stop", func() bool { return victim.PID() == 0 }); err != nil {
		t.Fatal(err)
	}
	if why := lastLine(victim); !strings.Contains(why, "set "+victim.Data+" aside") {
		t.Errorf("the damaged node says: %s", why)
	}
	for id, result := range want {
		c, err := client.New(client.Options{Addresses: []string{w.Nodes[0].Address(), w.Nodes[1].Address()}})
		if err != nil {
			t.Fatal(err)
		}
		call, err := c.GetCall(ctx, id, false)
		c.Close()
		if err != nil || call.GetResult() != result {
			t.Errorf("call %s at the others: %v, %v", id, call, err)
		}
	}
	if got := cli(t, w, w.Nodes[0].Address(), "", "task", "run", "-s", doThis, "-d", "on"); got != "Do this String: on\n" {
		t.Errorf("the others gave %q", got)
	}

	// What the node was told to do is enough to bring it back.
	if err := os.Rename(victim.Data, victim.Data+"-aside"); err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	if err := w.WaitReady(ctx, 1); err != nil {
		t.Error(err)
	}
}
