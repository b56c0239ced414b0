package flow

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestMailboxIsLeasedByPriorityThenArrival(t *testing.T) {
	w := newWorld(t)
	for i, priority := range []int32{0, 5, -3, 5, 0, 1 << 30, -1 << 31} {
		e := enqueueOf("A", fmt.Sprint(i))
		e.Priority = priority
		w.do(e)
	}
	w.wantStarted(w.grant("n1/1", "0", 7), "5", "1", "3", "0", "4", "2", "6")
}

func TestSocketsOfAProcessorTakeTurns(t *testing.T) {
	w := newWorld(t)
	w.socket("B")
	w.send("A", "a1", "a2", "a3", "a4", "a5")
	w.send("B", "b1", "b2")
	w.wantStarted(w.grant("n1/1", "0", 7), "a1", "b1", "a2", "b2", "a3", "a4", "a5")
}

func TestLargeCallsDoNotCrowdOutSmallOnes(t *testing.T) {
	w := newWorld(t)
	w.socket("B")
	for _, name := range []string{"a1", "a2"} {
		e := enqueueOf("A", name)
		e.Arguments.Positional = append(e.Arguments.Positional, []byte(`"`+strings.Repeat("x", 130<<10)+`"`))
		w.do(e)
	}
	w.send("B", "b1", "b2", "b3", "b4")
	w.wantStarted(w.grant("n1/1", "0", 6), "a1", "b1", "b2", "b3", "a2", "b4")
}

func TestNewCallDoesNotOvertakeThoseThatWait(t *testing.T) {
	w := newWorld(t)
	w.socket("B", func(c *messages.ConfigureSocket) { c.Ordered = true })
	w.grant("n1/1", "0", 1)
	b := w.one(w.send("B", "b1", "b2"), "b1")
	w.do(&messages.Cancel{Call: b.Call})
	w.grant("n1/1", "0", 2) // a credit is free, and b2 must wait until b1 has stopped
	w.one(w.send("A", "a"), "a")
	w.one(starts(w.ok(b)), "b2")
}

func TestOrderedSocketRunsOneCallAtATime(t *testing.T) {
	w := newWorld(t)
	w.socket("B", func(c *messages.ConfigureSocket) { c.Ordered = true })
	w.grant("n1/1", "0", 2)
	w.grant("n1/1", "1", 2)
	s := w.one(w.send("B", "b1", "b2"), "b1")
	urgent := enqueueOf("B", "urgent")
	urgent.Priority = 9
	w.wantStarted(starts(w.do(urgent)))
	w.waits("b2", "behind another call of an ordered socket")
	w.wantStarted(starts(w.answer(s, messages.Outcome_EXCEPTION))) // its retry holds the rest
	w.later(second)
	s = w.one(effectsOf[*messages.Start](w.ticks()), "b1")
	s = w.one(starts(w.ok(s)), "urgent")
	s = w.one(starts(w.ok(s)), "b2")
	w.ok(s)
}

func TestCallSentTwiceExistsOnce(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("A", "a"), "a")
	for _, state := range []messages.CallState{isRunning, isFinished} {
		before := w.state.Clone()
		r := w.do(enqueueOf("A", "a"))
		if e := r.Reply.GetEnqueued(); !e.Duplicate || e.State != state || string(e.Id) != string(s.Call) || len(r.Effects) != 0 {
			t.Errorf("sent again: %v", r)
		}
		same(t, before, w.state)
		w.ok(s)
	}
	other := enqueueOf("A", "a")
	other.Content = []byte("other")
	w.refuse(messages.Conflict, "other content", other)
}

func TestOldKeyThatIsNotKnownIsRefused(t *testing.T) {
	w := newWorld(t)
	w.now = 0x0193a1b2c3d4 * 1000 // when the key below was made
	e := enqueueOf("A", "a")
	e.Id = messages.NewCallID("0193a1b2-c3d4-7abc-9def-0123456789ab", partitionOfTests, 0).Bytes()
	old := enqueueOf("A", "a")
	old.Id = messages.NewCallID("0193a1b2-c3d4-7abc-9def-1123456789ab", partitionOfTests, 0).Bytes()
	w.do(e)
	w.later(Remembered.Microseconds())
	w.do(e)
	w.later(1)
	if r := w.do(e).Reply.GetEnqueued(); !r.Duplicate {
		t.Errorf("a key that is known: %v", r)
	}
	w.refuse(messages.Invalid, "may be forgotten", old)
}

func TestCallForAnUnknownSocketIsRefused(t *testing.T) {
	w := newWorld(t)
	w.refuse(messages.NotFound, "no such socket", enqueueOf("nowhere", "a"))
	elsewhere := enqueueOf("A", "a")
	elsewhere.Id = messages.NewCallID("a", partitionOfTests+1, 0).Bytes()
	w.refuse(messages.Invalid, "belongs to partition 4", elsewhere)
	w.refuse(messages.Invalid, "not the id", &messages.Enqueue{Socket: "A"})
	large := enqueueOf("A", "a")
	large.Arguments = jsonArgs(`"` + strings.Repeat("x", messages.MaxInline) + `"`)
	w.refuse(messages.Invalid, "are the most", large)
}

func TestFullMailboxRefuses(t *testing.T) {
	w := newWorld(t)
	w.socket("B", func(c *messages.ConfigureSocket) { c.MaxLength = 2 })
	w.socket("C", func(c *messages.ConfigureSocket) { c.MaxLengthBytes = 10 })
	w.grant("n1/1", "0", 1)
	w.send("B", "running", "b1", "b2")
	if e := w.refuse(messages.Exhausted, "mailbox is full", enqueueOf("B", "b3")); e.RetryAfter == 0 || !strings.Contains(e.Hint, "--wait-for-room") {
		t.Errorf("refused with %v", e)
	}
	w.send("C", "1234567")
	w.refuse(messages.Exhausted, "bytes", enqueueOf("C", "1"))
	w.cancel("b1")
	w.send("B", "b3")
	if s := Count(w.state, "B"); s.Queued != 2 || s.Running != 1 || s.Total != 4 || s.Ended != 1 || s.HeldBytes != 8 {
		t.Errorf("counts %v", s)
	}
	if s := Count(w.state, ""); s.Queued != 3 || s.Total != 5 || s.HeldBytes != 17 {
		t.Errorf("counts %v", s)
	}
}

func TestCallThatDoesNotStartInTimeExpires(t *testing.T) {
	w := newWorld(t)
	w.socket("B", func(c *messages.ConfigureSocket) { c.MessageTtl = 1000 })
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("B", "runs"), "runs")
	w.later(1)
	w.send("B", "waits")
	w.batch("B", "block", 3)
	w.later(second - 1)
	if e := w.ticks(); len(e) != 0 {
		t.Fatalf("too early: %v", e)
	}
	w.later(1)
	if e := effectsOf[*messages.Ended](w.ticks()); len(e) != 4 {
		t.Errorf("%d calls ended, want 4", len(e))
	}
	if c := w.is("waits", isExpired); c.Error.Type != "expired" {
		t.Errorf("call is %v", c)
	}
	w.answer(s, messages.Outcome_RELEASED) // it has started: it does not expire
	w.is("runs", isRunning)
}

func TestWorkOfATickIsBounded(t *testing.T) {
	w := newWorld(t)
	w.socket("B", func(c *messages.ConfigureSocket) { c.MessageTtl = 1000 })
	w.batch("B", "block", maxWork+10)
	w.send("B", "single")
	w.later(second)
	if e := w.do(&messages.Tick{}).Effects; len(e) != maxWork {
		t.Errorf("one tick ended %d calls", len(e))
	}
	if at, ok := NextTimer(w.state); !ok || at > w.now {
		t.Errorf("work is left, and the next tick is due at %d, now %d", at, w.now)
	}
	if e := w.ticks(); len(e) != 11 {
		t.Errorf("the rest ended %d calls, want 11", len(e))
	}
	if at, _ := NextTimer(w.state); at < w.now+keepDeadAge.Microseconds()/2 {
		t.Errorf("a tick is due at %d", at)
	}
}

func TestLeasesOfOneCommandAreBounded(t *testing.T) {
	w := newWorld(t)
	w.do(&messages.ConfigureProcessor{Processor: "P", Commit: "c1", Status: "stopped"})
	for i := range 6 {
		w.grant("n1/1", fmt.Sprint(i), messages.MaxWindow)
	}
	w.batch("A", "block", 1300)
	r := w.do(&messages.ConfigureProcessor{Processor: "P", Commit: "c1", Status: "running"})
	if n := len(starts(r)); n != maxLeases {
		t.Errorf("one command leased %d calls", n)
	}
	if n := len(effectsOf[*messages.Start](w.ticks())); n != 1300-maxLeases {
		t.Errorf("the rest leased %d calls", n)
	}
}

func TestBatchIsOneBlockUntilItsCallsAreLeased(t *testing.T) {
	w := newWorld(t)
	before := w.state.Len()
	r := w.batch("A", "block", 130)
	if e := r.Reply.GetEnqueued(); e.State != isQueued || e.Duplicate {
		t.Errorf("answered %v", e)
	}
	if n := w.state.Len() - before; n > 8 {
		t.Errorf("a batch of 130 wrote %d new keys", n)
	}
	first := id("block")
	c := w.getID(first.At(100))
	if c.State != isQueued || string(c.Arguments.Positional[0]) != "100" || c.Seq != 101 || string(c.Tracking) != string(first.At(100).Bytes()) || c.Size != 3 {
		t.Errorf("call 100 is %v", c)
	}
	if _, ok := GetCall(w.state, first.At(130), false, w.now); ok {
		t.Error("there is a call behind the block")
	}
	w.do(&messages.Cancel{Call: first.At(1).Bytes()})
	s := w.wantStarted(w.grant("n1/1", "0", 3), "0", "2", "3")
	w.ok(s[2])
	w.do(&messages.Revoke{Session: "n1/1", Slot: "0"})
	w.wantStarted(w.grant("n1/1", "0", 4), "0", "2", "4", "5")
	for i, want := range []messages.CallState{isRunning, isCancelled, isRunning, isFinished, isRunning, isRunning, isQueued} {
		if c := w.getID(first.At(i)); c.State != want || string(c.Arguments.Positional[0]) != fmt.Sprint(i) {
			t.Errorf("call %d is %v, want %s", i, c, want)
		}
	}
}

func TestBatchSentTwiceExistsOnce(t *testing.T) {
	w := newWorld(t)
	w.batch("A", "block", 3)
	before := w.state.Clone()
	if e := w.batch("A", "block", 3).Reply.GetEnqueued(); !e.Duplicate {
		t.Errorf("sent again: %v", e)
	}
	same(t, before, w.state)
	part := &messages.EnqueueBatch{First: id("block").Bytes(), Socket: "A", Content: []byte("content of block")}
	part.Arguments = []*messages.Arguments{jsonArgs("0"), jsonArgs("1")}
	w.refuse(messages.Conflict, "other content", part)
	single := enqueueOf("A", "x")
	single.Id = id("block").At(2).Bytes()
	w.refuse(messages.Conflict, "other content", single)
	overlapping := &messages.EnqueueBatch{First: id("x").Bytes(), Socket: "A", Arguments: part.Arguments}
	single.Id = id("x").At(1).Bytes()
	w.do(single)
	w.refuse(messages.Conflict, "other content", overlapping)
}

// TestBatchBeyondTheMailbox: for what will fit later there is room to wait for, for
// what never fits there is not.
func TestBatchBeyondTheMailbox(t *testing.T) {
	w := newWorld(t)
	w.socket("B", func(c *messages.ConfigureSocket) { c.MaxLength, c.MaxLengthBytes = 2, 10 })
	batch := &messages.EnqueueBatch{First: id("b").Bytes(), Socket: "B", Arguments: []*messages.Arguments{nil, jsonArgs(`"12345678"`)}}
	w.do(enqueueOf("B", "first"))
	w.refuse(messages.Exhausted, "full", batch)
	batch.Arguments[0] = jsonArgs("1")
	w.refuse(messages.Invalid, "the batch has 11 bytes, and its mailbox holds 10 at the most", batch)
}

func TestBatchIsAcceptedWholeOrNotAtAll(t *testing.T) {
	w := newWorld(t)
	w.socket("B", func(c *messages.ConfigureSocket) { c.MaxLength = 2 })
	three := &messages.EnqueueBatch{First: id("b").Bytes(), Socket: "B", Arguments: []*messages.Arguments{nil, nil, nil}}
	w.refuse(messages.Invalid, "the batch has 3 calls, and its mailbox holds 2 at the most", three)
	w.refuse(messages.Invalid, "want 1 to", &messages.EnqueueBatch{First: id("b").Bytes(), Socket: "B"})
	w.refuse(messages.Invalid, "want 1 to", &messages.EnqueueBatch{First: id("b").Bytes(), Socket: "B", Arguments: make([]*messages.Arguments, messages.MaxBatch+1)})
	w.refuse(messages.Invalid, "do not fit", &messages.EnqueueBatch{First: id("b").At(1<<16 - 2).Bytes(), Socket: "B", Arguments: three.Arguments})
	three.Socket = "A"
	w.do(three)
	w.wantArgumentsOf(w.grant("n1/1", "0", 3), 0)
}

func (w *world) wantArgumentsOf(s []*messages.Start, n int) {
	w.t.Helper()
	for _, e := range s {
		if len(e.Arguments.GetPositional()) != n {
			w.t.Errorf("started with %v", e.Arguments)
		}
	}
	if !slices.IsSortedFunc(s, func(a, b *messages.Start) int { return int(a.Order) - int(b.Order) }) {
		w.t.Error("leases are not in order")
	}
}
