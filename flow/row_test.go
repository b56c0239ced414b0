package flow

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// entry applies commands as one entry. None of them may be refused.
func (w *world) entry(all ...proto.Message) (results []messages.Result) {
	w.t.Helper()
	var commands []messages.Command
	for _, m := range all {
		c, err := messages.NewCommand(m)
		if err != nil {
			w.t.Fatal(err)
		}
		commands = append(commands, c)
	}
	over := kv.NewOverlay(w.state)
	w.index++
	results, err := (&Machine{Group: partitionOfTests}).ApplyEntry(over, w.index, w.now, commands)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, r := range results {
		if r.Reply.Error != nil {
			w.t.Fatalf("%T: refused: %v", all[i], r.Reply.Error.Err())
		}
	}
	w.state.Commit(over)
	if err := Check(w.state); err != nil {
		w.t.Fatal(err)
	}
	return results
}

// kept is how many keys the state has below a prefix.
func (w *world) kept(prefix string) (n int) {
	for range w.state.Scan([]byte(prefix), kv.PrefixEnd([]byte(prefix))) {
		n++
	}
	return n
}

func sends(socket string, names ...string) (all []proto.Message) {
	for _, name := range names {
		all = append(all, enqueueOf(socket, name))
	}
	return all
}

func names(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("call%d", i))
	}
	return all
}

// TestNeighboursWaitInARow: calls that one entry brings have no records until they
// are leased, are leased in their order, and each is found by its own id.
func TestNeighboursWaitInARow(t *testing.T) {
	w := newWorld(t)
	all := names(200)
	w.entry(sends("A", all...)...)
	if records, spans, blocks := w.kept("c/"), w.kept("m/"), w.kept("b/"); records != 0 || spans != blocks || spans > 5 {
		t.Errorf("200 calls that wait have %d records, %d spans in the mailbox and %d blocks", records, spans, blocks)
	}
	for _, name := range []string{"call0", "call77", "call199"} {
		c := w.is(name, isQueued)
		if c.Owner != "ada" || string(c.Content) != "content of "+name || string(c.Tracking) != string(c.Id) || string(c.Arguments.Positional[0]) != `"`+name+`"` {
			t.Errorf("%s is %v", name, c)
		}
	}
	w.do(&messages.Cancel{Call: id("call1").Bytes()})
	var started []string
	for _, s := range w.grant("n/1", "0", 64) {
		started = append(started, nameOf([]*messages.Start{s})...)
	}
	want := append([]string{"call0"}, all[2:65]...)
	if !slices.Equal(started, want) {
		t.Errorf("leased were %v", started)
	}
}

// TestNeighboursBeginInARow: calls that one entry brings and that find free credits share a block with those
// behind them, which find none. Each is leased, found, ended and sent again by its own id.
func TestNeighboursBeginInARow(t *testing.T) {
	w := newWorld(t)
	w.grant("n/1", "0", 3)
	w.grant("n/1", "1", 2)
	all := names(8)
	var begun []*messages.Start
	for i, r := range w.entry(sends("A", all...)...) {
		begun = append(begun, starts(r)...)
		want := messages.CallState_RUNNING
		if i >= 5 {
			want = messages.CallState_QUEUED
		}
		if state := r.Reply.GetEnqueued().State; state != want {
			t.Errorf("call %d was answered as %s", i, state)
		}
	}
	if got := nameOf(begun); !slices.Equal(got, all[:5]) {
		t.Errorf("begun have %v", got)
	}
	if records, blocks, arguments, spans := w.kept("c/"), w.kept("b/"), w.kept("a/"), w.kept("m/"); records != 5 || blocks != 1 || arguments != 0 || spans != 1 {
		t.Errorf("8 calls, of which 5 began, have %d records, %d blocks, %d arguments and %d spans in the mailbox", records, blocks, arguments, spans)
	}
	for _, name := range []string{"call0", "call4"} {
		c := w.is(name, isRunning)
		if c.Owner != "ada" || string(c.Content) != "content of "+name || string(c.Tracking) != string(c.Id) || string(c.Arguments.Positional[0]) != `"`+name+`"` || len(c.Events) != 2 {
			t.Errorf("%s is %v", name, c)
		}
	}
	again := w.do(enqueueOf("A", "call1")).Reply.GetEnqueued()
	if !again.Duplicate || again.State != messages.CallState_RUNNING {
		t.Errorf("sent again: %v", again)
	}
	for len(begun) > 0 {
		next := starts(w.do(completeOf(begun[0])))
		begun = append(begun[1:], next...)
	}
	for _, name := range all {
		w.is(name, messages.CallState_FINISHED)
	}
}

// TestAKeySentAgainInARow: the second of two commands with one key is answered as
// ever, whether it stands in the same entry or not; with other content it is refused.
func TestAKeySentAgainInARow(t *testing.T) {
	w := newWorld(t)
	results := w.entry(sends("A", "a", "b", "a", "c", "b")...)
	results = append(results, w.do(enqueueOf("A", "c")))
	var again []bool
	for _, r := range results {
		again = append(again, r.Reply.GetEnqueued().Duplicate)
	}
	if !slices.Equal(again, []bool{false, false, true, false, true, true}) {
		t.Errorf("sent again: %v", again)
	}
	other := enqueueOf("A", "b")
	other.Content = []byte("something else")
	w.refuse(messages.Conflict, "other content", other)
	w.refuse(messages.Conflict, "other content", &messages.EnqueueBatch{First: id("a").Bytes(), Socket: "A", Content: []byte("content of a"),
		Arguments: []*messages.Arguments{jsonArgs("1"), jsonArgs("2")}})
	one := w.do(&messages.EnqueueBatch{First: id("a").Bytes(), Socket: "A", Content: []byte("content of a"), Arguments: []*messages.Arguments{jsonArgs(`"a"`)}})
	if !one.Reply.GetEnqueued().Duplicate {
		t.Errorf("a batch of the one call: %v", one.Reply)
	}
	if _, there := Results(w.state, id("a"), 2, nil); there {
		t.Error("neighbours in a row are taken for a batch")
	}
}

// TestARowThatOverflowsItsMailbox: the bound holds within an entry too.
func TestARowThatOverflowsItsMailbox(t *testing.T) {
	w := newWorld(t)
	w.socket("A", func(c *messages.ConfigureSocket) { c.MaxLength = 3 })
	w.entry(sends("A", "a", "b", "c")...)
	w.refuse(messages.Exhausted, "its mailbox is full", enqueueOf("A", "d"))
}

// TestLargeNeighboursStandAlone: a row is bounded in bytes.
func TestLargeNeighboursStandAlone(t *testing.T) {
	w := newWorld(t)
	large := enqueueOf("A", "large")
	large.Arguments = jsonArgs(`"` + strings.Repeat("x", 4000) + `"`)
	w.entry(enqueueOf("A", "a"), large, enqueueOf("A", "b"), enqueueOf("A", "c"))
	if records, blocks := w.kept("c/"), w.kept("b/"); records != 2 || blocks != 1 {
		t.Errorf("%d records and %d blocks", records, blocks)
	}
	w.wantStarted(w.grant("n/1", "0", 4)[:1], "a")
	w.is("large", isRunning)
}

// TestDroppedOutOfARow: each call of a row is dropped, remembered and forgotten by
// itself, and the row goes with its last one.
func TestDroppedOutOfARow(t *testing.T) {
	w := newWorld(t)
	w.socket("A", func(c *messages.ConfigureSocket) { c.Retention = &messages.Retention{Calls: 1} })
	w.entry(sends("A", "a", "b", "c")...)
	for _, s := range w.grant("n/1", "0", 3) {
		w.answer(s, messages.Outcome_OK)
		w.ticks()
	}
	if r := w.do(enqueueOf("A", "a")).Reply.GetEnqueued(); !r.Duplicate || !r.Dropped || r.State != isFinished {
		t.Errorf("a key of a call dropped out of a row: %v", r)
	}
	w.is("c", isFinished)
	w.send("A", "d")
	for _, s := range Leases(w.state, "") {
		w.answer(s, messages.Outcome_OK)
	}
	w.ticks()
	for _, name := range []string{"a", "b", "c"} {
		if _, ok := GetCall(w.state, id(name), false, w.now); ok {
			t.Errorf("%s is kept", name)
		}
	}
	recounted, counted := call.Gone(w.state)
	if blocks := w.kept("b/"); blocks != 0 || recounted != 0 || counted != 0 {
		t.Errorf("%d rows are left, %d and %d dropped out of them", blocks, recounted, counted)
	}
}

// TestARowIsWrittenBeforeItsCallsAreLeased: a command that ends calls leases 1,024 at
// the most, so that credits may be free when the next one comes.
func TestARowIsWrittenBeforeItsCallsAreLeased(t *testing.T) {
	w := newWorld(t)
	w.do(&messages.ConfigureProcessor{Processor: "P", Name: "proc", Commit: "c1", Status: "stopped"})
	for i := range 20 {
		w.grant("n/1", fmt.Sprint(i), messages.MaxWindow)
	}
	w.batch("A", "old", 2000)
	first, second := enqueueOf("A", "first"), enqueueOf("A", "second")
	first.Priority, second.Priority = 1, 1
	results := w.entry(&messages.ConfigureProcessor{Processor: "P", Name: "proc", Commit: "c1", Status: "running"}, first, second)
	if got := nameOf(starts(results[1]))[0]; got != "first" {
		t.Errorf("leased is %s", got)
	}
}
