package flow

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// keeping gives a socket bounds of its own.
func keeping(r *messages.Retention) func(*messages.ConfigureSocket) {
	return func(c *messages.ConfigureSocket) { c.Retention = r }
}

func (w *world) gone(names ...string) {
	w.t.Helper()
	for _, name := range names {
		if c, ok := GetCall(w.state, id(name), false, w.now); ok {
			w.t.Errorf("call %s is kept: %v", name, c)
		}
	}
}

// finish sends calls and lets them finish.
func (w *world) finish(socket string, names ...string) {
	w.t.Helper()
	for _, s := range w.send(socket, names...) {
		w.ok(s)
	}
}

func TestCallsAreDroppedByAge(t *testing.T) {
	w := newWorld(t)
	w.socket("A", keeping(&messages.Retention{Age: 1000}))
	w.grant("n/1", "0", 10)
	w.finish("A", "one", "two")
	w.later(second / 2)
	w.finish("A", "three")
	w.later(second / 2)
	w.ticks()
	w.gone("one", "two")
	w.is("three", isFinished)
	w.later(second / 2)
	w.ticks()
	w.gone("three")
	if stats := Count(w.state, "A"); stats.Total != 0 {
		t.Errorf("counted are %v", stats)
	}
}

func TestCallsAreDroppedByCount(t *testing.T) {
	w := newWorld(t)
	w.socket("A", keeping(&messages.Retention{Calls: 3}))
	w.grant("n/1", "0", 10)
	w.finish("A", "one", "two", "three")
	if at, _ := NextTimer(w.state); at <= w.now {
		t.Errorf("a socket that is not over its bound looks at once")
	}
	w.finish("A", "four", "five")
	w.ticks()
	w.gone("one", "two")
	w.is("three", isFinished)
}

func TestDroppedKeyIsRemembered(t *testing.T) {
	w := newWorld(t)
	w.socket("A", keeping(&messages.Retention{Calls: 1}))
	w.grant("n/1", "0", 10)
	w.finish("A", "old", "new")
	w.ticks()
	w.gone("old")
	again := w.do(enqueueOf("A", "old")).Reply.GetEnqueued()
	if !again.GetDuplicate() || again.State != isFinished || !again.Dropped {
		t.Errorf("sent again: %v", again)
	}
	missing := func(id messages.CallID, want messages.KindError) {
		t.Helper()
		if why := Missing(w.state, "get", id); !errors.Is(why, want) {
			t.Errorf("of call %s is said: %v", id, why)
		}
	}
	missing(id("old"), messages.Gone)
	missing(id("never"), messages.NotFound)
	w.refuse(messages.Gone, "dropped since", &messages.Cancel{Call: id("old").Bytes()})
	other := enqueueOf("A", "old")
	other.Content = []byte("other")
	w.refuse(messages.Conflict, "with other content", other)

	w.later(Remembered.Microseconds() - second)
	w.ticks()
	if again := w.do(enqueueOf("A", "old")).Reply.GetEnqueued(); !again.GetDuplicate() {
		t.Errorf("it was forgotten a second before a day was over")
	}
	w.later(second)
	w.ticks()
	missing(id("old"), messages.NotFound)
	if again := w.do(enqueueOf("A", "old")).Reply.GetEnqueued(); again.GetDuplicate() {
		t.Errorf("it is remembered for more than a day")
	}
}

func TestBatchIsDroppedCallByCallAndRememberedWhole(t *testing.T) {
	w := newWorld(t)
	w.socket("A", keeping(&messages.Retention{Calls: 8}))
	starts := w.grant("n/1", "0", 10)
	starts = append(starts, effectsOf[*messages.Start](w.batch("A", "batch", 10).Effects)...)
	for _, s := range starts {
		w.ok(s)
	}
	w.ticks()
	first := id("batch")
	w.gone("batch")
	if why := Missing(w.state, "get", first.At(1)); !errors.Is(why, messages.Gone) {
		t.Errorf("of the second of ten is said: %v", why)
	}
	if _, ok := GetCall(w.state, first.At(1), false, w.now); ok {
		t.Error("the second of ten is kept, and eight should be")
	}
	if c := w.getID(first.At(2)); c.State != isFinished {
		t.Errorf("the third is %v", c)
	}
	if page := ListCalls(w.state, &messages.ListCallsRequest{Rows: 100}, nil, 0, w.now); len(page.Calls) != 8 || page.Total != 8 {
		t.Errorf("listed are %d of %d", len(page.Calls), page.Total)
	}
	if again := w.batch("A", "batch", 10).Reply.GetEnqueued(); !again.GetDuplicate() || again.Dropped {
		t.Errorf("the batch sent again, of which eight calls are kept: %v", again)
	}
	byItself := &messages.Enqueue{Id: first.At(1).Bytes(), Socket: "A", Content: []byte("content of batch"), Arguments: jsonArgs("1")}
	if again := w.do(byItself).Reply.GetEnqueued(); !again.GetDuplicate() || !again.Dropped {
		t.Errorf("the second of the batch sent again by itself: %v", again)
	}
	w.finish("A", "a", "b", "c", "d", "e", "f", "g", "h", "i")
	w.ticks()
	if again := w.batch("A", "batch", 10).Reply.GetEnqueued(); !again.Dropped || again.State != isFinished {
		t.Errorf("the batch sent again when all of it is gone: %v", again)
	}
	if again := w.do(&messages.Enqueue{Id: first.At(4).Bytes(), Socket: "A", Content: []byte("content of batch"), Arguments: jsonArgs("4")}).Reply.GetEnqueued(); !again.GetDuplicate() {
		t.Errorf("one of the batch sent again by itself: %v", again)
	}
	w.later(Remembered.Microseconds())
	w.ticks()
	if again := w.batch("A", "batch", 10).Reply.GetEnqueued(); again.GetDuplicate() {
		t.Error("the batch is remembered for more than a day")
	}
}

func TestCancelledCallIsKeptUntilItsSlotHasLetGo(t *testing.T) {
	w := newWorld(t)
	w.socket("A", keeping(&messages.Retention{Age: 1000}))
	w.grant("n/1", "0", 1)
	s := w.one(w.send("A", "runs"), "runs")
	w.do(&messages.Cancel{Call: id("runs").Bytes()})
	w.later(2 * second)
	w.ticks()
	w.is("runs", isCancelled)
	w.answer(s, messages.Outcome_RELEASED)
	w.ticks()
	w.gone("runs")
}

func TestDeadCallGoesWithItsLetter(t *testing.T) {
	w := newWorld(t)
	w.socket("A", keeping(&messages.Retention{Age: 1000, DeadAge: 5000}), func(c *messages.ConfigureSocket) { c.Retries = proto32(0) })
	w.grant("n/1", "0", 1)
	w.answer(w.one(w.send("A", "bad"), "bad"), messages.Outcome_EXCEPTION)
	w.later(4 * second)
	w.ticks()
	w.is("bad", isFailed)
	w.later(second)
	w.ticks()
	w.gone("bad")
	if letters := DeadLetters(w.state, &messages.DeadQuery{Rows: 10}).Letters; len(letters) != 0 {
		t.Errorf("dead letters: %v", letters)
	}
}

func TestDeadArrivalsAreDropped(t *testing.T) {
	w := newWorld(t)
	w.do(&messages.Arrive{Id: id("lost").Bytes(), Socket: "nowhere", Name: "nowhere", Value: []byte("1")})
	w.later(keepDeadAge.Microseconds() - second)
	w.ticks()
	w.is("lost", isFailed)
	w.later(second)
	w.ticks()
	w.gone("lost")
	if letters := DeadLetters(w.state, &messages.DeadQuery{Rows: 10}).Letters; len(letters) != 0 {
		t.Errorf("dead letters: %v", letters)
	}
}

// TestDroppingStallsNobody drops many calls at once: each tick does a bounded
// piece, and nothing of them is left but what is remembered.
func TestDroppingStallsNobody(t *testing.T) {
	const calls = 3000
	w := &world{t: t, state: kv.NewMap(), now: aMomentAgo}
	m := &Machine{Group: partitionOfTests}
	apply := func(c messages.Command) messages.Result {
		over := kv.NewOverlay(w.state)
		r, err := m.Apply(over, 1, w.now, c)
		if err != nil || r.Reply.Error != nil {
			t.Fatal(err, r.Reply)
		}
		w.state.Commit(over)
		return r
	}
	w.do(&messages.ConfigureProcessor{Processor: "P", Name: "proc", Commit: "c1", Status: "running"})
	w.socket("A")
	w.grant("n/1", "0", 1)
	for i := range calls {
		c, _ := messages.NewCommand(enqueueOf("A", fmt.Sprint(i)))
		for _, s := range starts(apply(c)) {
			done, _ := messages.NewCommand(&messages.Complete{Session: s.Session, Slot: s.Slot, Call: s.Call, Attempt: s.Attempt, Outcome: messages.Outcome_OK, Result: []byte("1")})
			apply(done)
		}
	}
	w.later(keepAge.Microseconds())
	ticks := 0
	for before := int64(calls); before > 0; ticks++ {
		tick, _ := messages.NewCommand(&messages.Tick{})
		apply(tick)
		left := Count(w.state, "").Total
		if before-left > maxSweep {
			t.Fatalf("one tick dropped %d calls", before-left)
		}
		before = left
		if at, ok := NextTimer(w.state); left > 0 && (!ok || at > w.now) {
			t.Fatalf("%d calls are left, and the next tick is due at %d", left, at)
		}
	}
	if ticks != (calls+maxSweep-1)/maxSweep {
		t.Errorf("%d ticks dropped %d calls", ticks, calls)
	}
	if err := Check(w.state); err != nil {
		t.Error(err)
	}
	kept := 0
	for k := range w.state.Scan(nil, nil) {
		if kept++; k[0] == 'c' || k[0] == 'd' || k[0] == 'a' || k[0] == 'r' || k[0] == 'l' || k[0] == 'R' {
			t.Errorf("left is %q", k)
		}
	}
	if kept > 20 {
		t.Errorf("%d keys are left", kept)
	}
}

// A partition that is so busy that no Tick comes drops calls as they end.
func TestCallsThatEndDropOthers(t *testing.T) {
	const keep, calls = 8, 60
	w := newWorld(t)
	w.socket("A", keeping(&messages.Retention{Calls: keep}))
	w.grant("n/1", "0", 10)
	for i := range calls {
		w.later(second / 1000)
		w.finish("A", fmt.Sprint(i))
		w.is(fmt.Sprint(i), isFinished)
		if n := Count(w.state, "A").Total; n > keep+keep/8+1 {
			t.Fatalf("%d calls are kept after %d ended", n, i+1)
		}
	}
}

// A call that ends is there for whoever hears of it, though it may be the first
// that is one too many.
func TestCallIsNotDroppedAsItEnds(t *testing.T) {
	w := newWorld(t)
	w.socket("A", keeping(&messages.Retention{Calls: 1}))
	w.grant("n/1", "0", 10)
	s := w.send("A", "first", "second")
	w.ok(s[1])
	w.later(second)
	w.ok(s[0])
	w.is("first", isFinished)
	w.ticks()
	w.gone("first")
	w.is("second", isFinished)
}

// BenchmarkDrop measures the tick that drops the most it may: 64 calls.
func BenchmarkDrop(b *testing.B) {
	m := newBench(b, 1)
	m.grant(8, 2)
	machine := &Machine{Group: partitionOfTests}
	tick, _ := messages.NewCommand(&messages.Tick{})
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for range maxSweep {
			for _, s := range m.enqueue(m.n) {
				m.complete(s)
			}
		}
		m.n += int(keepAge / time.Microsecond)
		b.StartTimer()
		over := kv.NewOverlay(m.state)
		if _, err := machine.Apply(over, 1, aMomentAgo+int64(m.n), tick); err != nil {
			b.Fatal(err)
		}
		m.state.Commit(over)
		m.entry()
	}
	if left := Count(m.state, "").Total; left > maxSweep {
		b.Fatalf("%d calls are left", left)
	}
}

// A batch that is cancelled, and dropped before the time at which its calls would
// have expired, leaves no timer that looks for it.
func TestDroppedBatchExpiresNoMore(t *testing.T) {
	w := newWorld(t)
	w.socket("A", keeping(&messages.Retention{Age: 1000}), func(c *messages.ConfigureSocket) { c.MessageTtl = 10_000 })
	w.batch("A", "batch", 2)
	for i := range 2 {
		w.do(&messages.Cancel{Call: id("batch").At(i).Bytes()})
	}
	w.later(2 * second)
	w.ticks()
	w.gone("batch")
	w.later(10 * second)
	w.ticks()
}
