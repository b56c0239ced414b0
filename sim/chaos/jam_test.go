//go:build e2e

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/audit"
)

// jam is a random flow of diamonds and cycles whose mailboxes and gates hold a
// few calls each. Only those of the sources have no bound: they hold what waits.
type jam struct {
	*storm
	ends []string
}

const (
	jamBound    = "3"
	jamDiamonds = 4
	jamCycles   = 3
	jamCalls    = 40  // to each of the other sources
	jamLone     = 120 // to each side of a gate, one side after the other
)

// TestJam: nothing stands still for good that is not fed on one side only, what
// does says so, and all that was accepted comes to its end.
func TestJam(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("FLOW_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("FLOW_SEED=%d", seed)
	j := &jam{storm: &storm{lab: newLab(t, 3), random: rand.New(rand.NewPCG(seed, 0))}}
	j.wire()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c, err := client.New(client.Options{Addresses: j.w.Addresses(), Patience: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	begun := time.Now()
	first := j.batch(ctx, c, "one", jamLone)
	for _, source := range j.sources {
		j.batch(ctx, c, source, jamCalls)
	}
	j.standsStill(first)
	j.batch(ctx, c, "two", jamLone)
	if err := j.drained(ctx); err != nil {
		j.stuck(err)
	}
	took := time.Since(begun)

	plan := planOf(j.lab)
	for _, n := range j.w.Nodes {
		if err := n.Stop(); err != nil {
			t.Fatalf("node %s ended with %v", n.Name, err)
		}
	}
	records := atRest(t, j.w)
	wrong := audit.Check(plan, j.accepted, records)
	t.Logf("%d sockets, %d plugs: %d calls fed, %d calls and %d messages at gates in all, in %s", j.sockets, j.plugs,
		len(j.accepted), len(records.Calls), len(records.Arrivals), took.Round(time.Second))
	if len(wrong) > 0 {
		t.Errorf("%d things are wrong, the first:\n%s", len(wrong), strings.Join(wrong[:min(20, len(wrong))], "\n"))
	}
}

// batch feeds a source.
func (j *jam) batch(ctx context.Context, c *client.Client, source string, n int) messages.CallID {
	j.t.Helper()
	ids, err := j.send(ctx, c, source, n)
	if err != nil {
		j.t.Fatalf("feed %s: %v", source, err)
	}
	j.note(ids, nil)
	return ids[n-1]
}

// wire makes diamonds, cycles, and a gate of which each side is fed by itself,
// over processors in both partitions. Each end may feed a cycle.
func (j *jam) wire() {
	code := stormRepository(j.t, j.w.Dir)
	for i := range 4 {
		j.cli("add", "processor", "-n", fmt.Sprint("p", i), "-g", code, "-m", "storm", "-c", "1", "--retries", "1", "--retrydelay", "20ms")
	}
	j.cli("add", "queue", "-n", "jam", "-t", "direct", "--max-length", jamBound)
	j.ends = []string{j.socket("end.a", "jam", "work"), j.socket("end.b", "jam", "work")}
	var entries []string
	for i := range jamCycles {
		name := fmt.Sprint("cycle", i)
		there, back := j.socket(name+".there", "jam", "work"), j.socket(name+".back", "jam", "work")
		j.plug(there, back)
		j.plug(back, there)
		j.plug(back, j.ends[j.random.IntN(2)], "--type", "ERROR")
		entries = append(entries, there)
		j.source(name, there)
	}
	for i := range jamDiamonds {
		name := fmt.Sprint("diamond", i)
		left, right, gate := j.socket(name+".left", "jam", "work"), j.socket(name+".right", "jam", "work"), j.socket(name+".gate", "jam", "join")
		j.both(left, gate, "one")
		j.both(right, gate, "two")
		j.plug(gate, entries[j.random.IntN(len(entries))], "--type", "ERROR")
		j.plug(gate, j.ends[j.random.IntN(2)])
		j.source(name, left, right)
	}
	lone := j.socket("lone", "jam", "join")
	for _, side := range []string{"one", "two"} {
		before := j.socket("lone."+side, "jam", "work")
		j.both(before, lone, side)
		j.both(j.socket(side, "q", "work"), before, "")
	}
	for i := range 4 {
		j.processorIs(fmt.Sprint("p", i), "running")
	}
}

func (j *jam) socket(name, queue, function string) string {
	j.cli("add", "socket", "-n", name, "-q", queue, "-pn", fmt.Sprint("p", j.random.IntN(4)), "-t", function)
	j.sockets++
	return name
}

func (j *jam) source(name string, targets ...string) {
	j.sources = append(j.sources, j.socket(name, "q", "work"))
	for _, target := range targets {
		j.plug(name, target)
	}
}

// both sends on what a call gives, or its error: one message for each call, so
// that both sides of a gate get as many.
func (j *jam) both(source, target, argument string) {
	for _, kind := range []string{"RESULT", "ERROR"} {
		flags := []string{"--type", kind}
		if argument != "" {
			flags = append(flags, "--argument", argument)
		}
		j.plug(source, target, flags...)
	}
}

// standsStill waits until the gate that is fed on one side has stopped all before
// it: the last of the calls says where, and little of them has gone on.
func (j *jam) standsStill(last messages.CallID) {
	j.t.Helper()
	var why *messages.Explanation
	j.until("the source before the full gate to be held back", soon, func() (blocked bool) {
		var err error
		if why, err = j.c.Explain(j.t.Context(), last.String()); err != nil {
			j.t.Fatal(err)
		}
		return why.Cause == "blocked" && why.Target == "lone.one" && j.queued("lone.one") > 0
	})
	if !strings.Contains(why.Text, "socket lone.one is full, where plug") || why.Plug == "" {
		j.t.Errorf("explained: %v", why)
	}
	j.until("the calls before the full gate to be held back", soon, func() bool {
		held, err := j.c.ListCalls(j.t.Context(), &messages.ListCallsRequest{Socket: "lone.one", States: []string{"queued"}, Ascend: true})
		if err != nil {
			j.t.Fatal(err)
		}
		if len(held.Calls) == 0 {
			return false
		}
		// It may have been leased since: then the gate is not full yet.
		if why, err = j.c.Explain(j.t.Context(), held.Calls[0].Id); err != nil {
			j.t.Fatal(err)
		}
		return why.Cause == "blocked" && why.Target == "lone"
	})
	if waits := j.queued("one"); waits < jamLone/4 {
		j.t.Errorf("only %d of %d calls wait at the source; %d are before the gate", waits, jamLone, j.queued("lone.one"))
	}
}

func (j *jam) queued(socket string) int64 {
	j.t.Helper()
	calls, err := j.c.ListCalls(j.t.Context(), &messages.ListCallsRequest{Socket: socket, States: []string{"queued"}, Rows: 1})
	if err != nil {
		j.t.Fatal(err)
	}
	return calls.Total
}
