//go:build e2e

package chaos

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// backlog is how many calls wait in TestBacklog; FLOW_BACKLOG says otherwise.
func backlog() int {
	if n, err := strconv.Atoi(os.Getenv("FLOW_BACKLOG")); err == nil {
		return n
	}
	return 1_000_000
}

// What would be absurd, on a machine that is busy with other tests besides.
const (
	restartLimit = 10 * time.Second
	memoryLimit  = 512 << 20 // bytes
)

// pageLimit is within which the server gives a page of calls, with the total.
const pageLimit = 100 * time.Millisecond

// TestBacklog: a stopped processor holds a million calls. Pages of them come
// fast, the node stays small, and it comes back soon.
func TestBacklog(t *testing.T) {
	w, _ := started(t, 1)
	address := w.Nodes[0].Address()
	cli(t, w, address, "", "add", "queue", "-n", "q")
	cli(t, w, address, "", "add", "processor", "-n", "echo", "--builtin-echo", "-rs", "stopped", "-w", "1")
	for _, name := range []string{"a", "b"} { // one in each partition
		cli(t, w, address, "", "add", "socket", "-n", name, "-q", "q", "-pn", "echo", "-t", "echo")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	c, err := client.New(client.Options{Addresses: w.Addresses()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	total := grows(ctx, t, w, c)
	pages(ctx, t, c, total)

	began := time.Now()
	w.Nodes[0].Kill()
	if err := w.Nodes[0].Start(); err != nil {
		t.Fatal(err)
	}
	if err := w.WaitReady(ctx, 0); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > restartLimit {
		t.Errorf("the node was ready %v after SIGKILL, more than %v", took, restartLimit)
	}
	t.Logf("ready %v after SIGKILL; the node has %d MiB", time.Since(began).Round(time.Millisecond), resident(t, w.Nodes[0].PID())>>20)
	pages(ctx, t, c, total)

	firstResult(ctx, t, c, "processor start", func() { cli(t, w, address, "", "proc", "start", "echo") })
	finished := func() int64 {
		done, err := c.ListCalls(ctx, &messages.ListCallsRequest{States: []string{"finished"}})
		if err != nil {
			t.Fatal(err)
		}
		return done.Total
	}
	began = time.Now()
	if err := Until(ctx, "calls to end", func() bool { return finished() >= total/50 }); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d calls ended in %v; the node has %d MiB", finished(), time.Since(began).Round(time.Millisecond), resident(t, w.Nodes[0].PID())>>20)
	if err := w.Nodes[0].Stop(); err != nil {
		t.Fatal(err)
	}
	firstResult(ctx, t, c, "start of the node", func() {
		if err := w.Nodes[0].Start(); err != nil {
			t.Fatal(err)
		}
	})
	cli(t, w, address, "", "proc", "stop", "echo")
	pages(ctx, t, c, total)
	if memory := resident(t, w.Nodes[0].PID()); memory > memoryLimit {
		t.Errorf("the node has %d MiB, more than %d", memory>>20, memoryLimit>>20)
	}
}

// What a backlog may cost as it grows from a tenth to all of it.
const (
	lastRate   = 0.8      // of the rate of the first tenth
	moreMemory = 64 << 20 // bytes
)

// resultLimit is within which a processor that starts, or a node that comes back,
// has given the first result of a call that has waited.
const resultLimit = time.Second

// grows fills the mailboxes a tenth at a time, and says how the last compares
// with the first.
func grows(ctx context.Context, t *testing.T, w *Network, c *client.Client) (total int64) {
	t.Helper()
	var rates []float64
	var memory []int64
	for range 10 {
		began := time.Now()
		sent := fill(ctx, t, c, backlog()/10)
		rates = append(rates, float64(sent)/time.Since(began).Seconds())
		memory = append(memory, resident(t, w.Nodes[0].PID()))
		total += sent
	}
	t.Logf("%d calls accepted; the first tenth at %.0f/s, the last at %.0f/s; the node had %d MiB then, and has %d MiB",
		total, rates[0], rates[9], memory[0]>>20, memory[9]>>20)
	if rates[9] < lastRate*rates[0] {
		t.Errorf("the last tenth was accepted at %.2f of the first one's rate", rates[9]/rates[0])
	}
	if more := memory[9] - memory[0]; more > moreMemory {
		t.Errorf("the node grew by %d MiB, more than %d", more>>20, moreMemory>>20)
	}
	return total
}

// firstResult does what calls have waited for, and times the first result after it.
func firstResult(ctx context.Context, t *testing.T, c *client.Client, what string, do func()) {
	t.Helper()
	began := time.Now()
	do()
	var first time.Time
	if err := Until(ctx, "a result after "+what, func() bool {
		done, err := c.ListCalls(ctx, &messages.ListCallsRequest{States: []string{"finished"}, Rows: 1000})
		for _, call := range done.GetCalls() {
			if at := time.UnixMicro(call.Finished); at.After(began) && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
		return err == nil && !first.IsZero()
	}); err != nil {
		t.Fatal(err)
	}
	took := first.Sub(began)
	t.Logf("%s to the first result: %v", what, took.Round(time.Millisecond))
	if took > resultLimit {
		t.Errorf("%s to the first result took %v, more than %v", what, took, resultLimit)
	}
}

// batchOf is how many calls one batch brings.
const batchOf = messages.MaxBatch

// fill submits calls to the sockets a and b by turns.
func fill(ctx context.Context, t *testing.T, c *client.Client, n int) int64 {
	t.Helper()
	m := &messages.SubmitBatchRequest{}
	for i := range batchOf {
		m.Data = append(m.Data, strconv.Itoa(i))
	}
	var sent int64
	for i := 0; sent < int64(n); i++ {
		m.Id, m.Socket = "", []string{"a", "b"}[i%2]
		if _, err := c.SubmitBatch(ctx, m); err != nil {
			t.Fatal(err)
		}
		sent += batchOf
	}
	return sent
}

// pages times pages of calls, with the total, at the server.
func pages(ctx context.Context, t *testing.T, c *client.Client, total int64) {
	t.Helper()
	for name, m := range map[string]*messages.ListCallsRequest{
		"page 2":               {Page: 2},
		"page 2, oldest first": {Page: 2, Ascend: true},
		"page 2 of one socket": {Page: 2, Socket: "a"},
		"page 2, unfinished":   {Page: 2, Unfinished: true},
		"page 2, queued":       {Page: 2, States: []string{"queued"}},
		"page 2, failed":       {Page: 2, States: []string{"failed"}},
		"a page in the middle": {Page: int32(total / 20)},
	} {
		began := time.Now()
		page, err := c.ListCalls(ctx, m)
		took := time.Since(began)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		t.Logf("%s: %d of %d calls in %v", name, len(page.Calls), page.Total, took.Round(10*time.Microsecond))
		if took > pageLimit {
			t.Errorf("%s took %v, more than %v", name, took, pageLimit)
		}
		if all := m.Socket == "" && !m.Unfinished && m.States == nil; all && (page.Total != total || len(page.Calls) != int(max(10, m.Rows))) {
			t.Errorf("%s has %d of %d calls; there are %d", name, len(page.Calls), page.Total, total)
		}
	}
}

// resident is a process's memory in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("process %d: no VmRSS", pid)
	return 0
}
