//go:build e2e

package chaos

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// largeBytes is the size of the values of this test; largeMemory what a node may
// have grown to when they have gone through it.
const (
	largeBytes  = 40 << 20
	largeMemory = 1 << 30
)

// largeText is a JSON text of so many bytes, and no two parts of it are alike.
func largeText(name string, size int) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; b.Len() < size-1; i++ {
		fmt.Fprintf(&b, "%s %x ", name, sha256.Sum256(fmt.Appendf(nil, "%s %d", name, i)))
	}
	return b.String()[:size-1] + `"`
}

// TestLargeValues sends 40 MiB through three nodes and back, and by a plug to a
// socket in the other partition, while the node that leads most is killed in the
// middle. What is over the limit is refused, and no node grows without bound.
func TestLargeValues(t *testing.T) {
	l := newLab(t, 3)
	for _, name := range []string{"near", "far"} { // in different partitions
		l.processor(name, "-c", "1")
	}
	source, target := l.socket("near", "emit_one"), l.socket("far", "emit_one")
	l.cli("add", "plug", "-n", "on", "-q", "q", "-s", source, "-t", target)
	l.gives(source, "1", "1")

	t.Run("over the limit", func(t *testing.T) {
		text := largeText("over", messages.MaxValue+1)
		_, err := l.c.Submit(t.Context(), &messages.RunRequest{Socket: source, Data: &text})
		if err == nil || !strings.Contains(err.Error(), "data over the limit") || !strings.Contains(err.Error(), "64 MiB") {
			t.Errorf("64 MiB and one byte: %v", err)
		}
	})
	before := resident(t, l.w.Nodes[0].PID())
	text := largeText("first", largeBytes)
	began := time.Now()
	call, err := l.c.Call(t.Context(), &messages.RunRequest{Socket: source, Data: &text, Id: "first"})
	if err != nil || call.GetResult() != text {
		t.Fatalf("a call with %d bytes is %s and gives %d bytes, %v %v", len(text), call.GetState(), len(call.GetResult()), call.GetError(), err)
	}
	t.Logf("%d MiB there and back in %v", largeBytes>>20, time.Since(began).Round(time.Millisecond))
	l.arrives(target, text, call.GetId())
	t.Logf("and through the plug after %v", time.Since(began).Round(time.Millisecond))

	t.Run("a node is killed in the middle", func(t *testing.T) { l.in(t).largeUnderKill(source, target) })
	for _, n := range l.w.Nodes {
		memory := resident(t, n.PID())
		t.Logf("node %s has %d MiB; one had %d MiB before", n.Name, memory>>20, before>>20)
		if memory > largeMemory {
			t.Errorf("node %s has %d MiB, more than %d", n.Name, memory>>20, largeMemory>>20)
		}
	}
}

// largeUnderKill kills the node that leads most while a value is on its way.
func (l *lab) largeUnderKill(source, target string) {
	t := l.t
	text := largeText("second", largeBytes)
	victim := leaderOf(t, l.w)
	var others []string
	for _, n := range l.w.Nodes {
		if n != victim {
			others = append(others, n.Address())
		}
	}
	c, err := client.New(client.Options{Addresses: others, Patience: soon})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	type ran struct {
		call *messages.CallInfo
		err  error
	}
	done, before := make(chan ran, 1), written(t, victim)
	go func() {
		call, err := c.Call(t.Context(), &messages.RunRequest{Socket: source, Data: &text, Id: "second"})
		done <- ran{call, err}
	}()
	l.until("a part of the value to have gone through the leader", soon, func() bool { return written(t, victim) > before+largeBytes })
	victim.Kill()
	r := <-done
	if r.err != nil || r.call.GetResult() != text {
		t.Fatalf("the call is %s and gives %d bytes, %v %v", r.call.GetState(), len(r.call.GetResult()), r.call.GetError(), r.err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := l.w.WaitReady(ctx, 1); err != nil {
		t.Fatal(err)
	}
	l.arrives(target, text, r.call.GetId())
}

// arrives waits for the call that a call's plug has made, and looks what it gives.
func (l *lab) arrives(target, text, parent string) {
	l.t.Helper()
	var found *messages.CallInfo
	l.until("the plug's call to end", time.Minute, func() bool {
		page, err := l.c.ListCalls(l.t.Context(), &messages.ListCallsRequest{Socket: target, States: []string{"finished"}, Results: true})
		if err != nil {
			return false
		}
		for _, call := range page.Calls {
			if call.Parent == parent {
				found = call
			}
		}
		return found != nil
	})
	if found.Result != nil || found.ResultSize != uint64(len(text)) {
		l.t.Errorf("the list says that the result has %d bytes, want %d", found.ResultSize, len(text))
	}
	if got := l.cli("task", "result", found.Id); `"`+strings.TrimSuffix(got, "\n")+`"` != text {
		l.t.Errorf("the plug's call gives %d bytes, want %d", len(got), len(text))
	}
}

// written is how many bytes a node has written to files and sockets.
func written(t *testing.T, n *Node) (total int64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", n.PID()))
	if err == nil {
		_, err = fmt.Sscanf(string(text), "rchar: %d\nwchar: %d", new(int64), &total)
	}
	if err != nil {
		t.Fatal(err)
	}
	return total
}
