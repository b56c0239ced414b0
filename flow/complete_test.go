package flow

import (
	"slices"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestCallTakesAFreeCreditAndFinishes(t *testing.T) {
	w := newWorld(t)
	if s := w.grant("n1/1", "0", 1); len(s) != 0 {
		t.Fatalf("a grant started %v, and no call was there", s)
	}
	s := w.one(w.send("A", "a"), "a")
	if s.Attempt != 1 || s.Commit != "c1" || s.Function != "fA" || s.Timelimit != 5000 || s.SocketName != "mod.A" || s.Group != uint32(partitionOfTests) {
		t.Errorf("start is %v", s)
	}
	w.later(2 * second)
	r := w.answer(s, messages.Outcome_OK, func(c *messages.Complete) {
		c.Result, c.Log, c.Started, c.Ended = []byte(`{"n": 9223372036854775809, "x": 1.0}`), []byte("hello\n"), 10, 1_500_010
	})
	ended := effectsOf[*messages.Ended](r.Effects)
	if len(ended) != 1 || string(ended[0].Call.Result) != `{"n": 9223372036854775809, "x": 1.0}` || ended[0].Call.State != isFinished {
		t.Errorf("ended: %v", ended)
	}
	c := w.is("a", isFinished)
	if string(c.Result) != `{"n": 9223372036854775809, "x": 1.0}` || string(c.Log) != "hello\n" || string(c.Arguments.Positional[0]) != `"a"` {
		t.Errorf("call is %v", c)
	}
	if got := events(c); !slices.Equal(got, []string{"received", "prerun", "postrun"}) || c.Events[2].Note != "ran 1.5s" || c.Events[1].Node != "node-n1" {
		t.Errorf("events are %v", c.Events)
	}
	if c.Finished-c.Started != 2*second || c.Received != aMomentAgo || c.Owner != "ada" || c.Name != "mod.A" || c.Waiting != "" {
		t.Errorf("call is %v", c)
	}
	if string(c.Tracking) != string(c.Id) {
		t.Error("a call that nothing caused is not its own run")
	}
}

func TestCompleteTakesTheNextCallInTheSameCommand(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("A", "a", "b", "c"), "a")
	s = w.one(starts(w.ok(s)), "b")
	s = w.one(starts(w.ok(s)), "c")
	w.wantStarted(starts(w.ok(s)))
}

func TestAttemptsOfABatchEndInItsOrder(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 3)
	s := w.send("A", "a", "b", "c", "d")
	end := func(s *messages.Start, outcome messages.Outcome) *messages.Complete {
		return &messages.Complete{Session: s.Session, Slot: s.Slot, Call: s.Call, Attempt: s.Attempt, Outcome: outcome, Result: []byte("1")}
	}
	r := w.do(&messages.CompleteBatch{Completes: []*messages.Complete{
		end(s[1], messages.Outcome_OK), end(s[0], messages.Outcome_OK), end(s[1], messages.Outcome_OK), end(s[2], 99),
	}})
	if ended := effectsOf[*messages.Ended](r.Effects); len(ended) != 2 || string(ended[0].Call.Id) != string(s[1].Call) {
		t.Errorf("ended %v", ended)
	}
	replies := r.Reply.GetReplies().GetReplies()
	if len(replies) != 4 || replies[1].GetCompleted().GetStale() || !replies[2].GetCompleted().GetStale() || replies[3].GetError().GetKind() != messages.ErrorKind_INVALID {
		t.Errorf("answered %v", replies)
	}
	w.one(starts(r), "d")
	w.is("c", isRunning)
}

func TestStaleBatchChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("A", "a"), "a")
	before := w.state.Clone()
	late := &messages.Complete{Session: s.Session, Slot: s.Slot, Call: s.Call, Attempt: 7, Outcome: messages.Outcome_OK}
	w.do(&messages.CompleteBatch{Completes: []*messages.Complete{late, late}})
	same(t, before, w.state)
	w.refuse(messages.Invalid, "not 0", &messages.CompleteBatch{})
	w.refuse(messages.Invalid, "256", &messages.CompleteBatch{Completes: make([]*messages.Complete, messages.MaxCompletes+1)})
}

func TestLateResultIsIgnored(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	first := w.one(w.send("A", "a"), "a")
	w.do(&messages.EndSession{Session: "n1/1", Reason: "gone"})
	second := w.one(w.grant("n2/1", "0", 1), "a")
	if second.Attempt != 2 {
		t.Fatalf("attempt %d, want 2", second.Attempt)
	}
	before := w.state.Clone()
	for _, late := range []*messages.Start{first, {Session: second.Session, Slot: second.Slot, Call: first.Call, Attempt: 1}} {
		if r := w.ok(late).Reply.GetCompleted(); !r.Stale || r.State != isRunning {
			t.Errorf("late result: answered %v", r)
		}
	}
	same(t, before, w.state)
	w.ok(second)
	w.is("a", isFinished)
}

func TestSameResultTwiceIsStaleTheSecondTime(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("A", "a"), "a")
	if r := w.ok(s).Reply.GetCompleted(); r.Stale || r.State != isFinished {
		t.Errorf("first time: %v", r)
	}
	before := w.state.Clone()
	if r := w.answer(s, messages.Outcome_EXCEPTION).Reply.GetCompleted(); !r.Stale || r.State != isFinished {
		t.Errorf("second time: %v", r)
	}
	same(t, before, w.state)
}

func TestExceptionIsTriedAgainWithGrowingDelayThenFails(t *testing.T) {
	w := newWorld(t) // two retries, one second
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("A", "a"), "a")
	for i, delay := range []int64{second, 2 * second} {
		w.answer(s, messages.Outcome_EXCEPTION, func(c *messages.Complete) { c.Failure.Type = "ValueError" })
		c := w.is("a", isQueued)
		if c.RetryAt != w.now+delay || c.Tries != uint32(i+1) {
			t.Fatalf("try %d: %v", i+1, c)
		}
		w.waits("a", map[int64]string{second: "retry in 1 s", 2 * second: "retry in 2 s"}[delay])
		w.later(delay - 1)
		if e := w.ticks(); len(e) != 0 {
			t.Fatalf("too early: %v", e)
		}
		w.later(1)
		s = w.one(effectsOf[*messages.Start](w.ticks()), "a")
	}
	w.answer(s, messages.Outcome_TIMEOUT, func(c *messages.Complete) { c.Failure.Traceback = "line 1" })
	c := w.is("a", isFailed)
	if c.Error.Type != "timeout" || c.Error.Message != "it went wrong" || c.Error.Traceback != "line 1" || c.Tries != 3 || c.Attempt != 3 {
		t.Errorf("call is %v", c)
	}
	if got := events(c); !slices.Equal(got, []string{"received", "prerun", "retry", "prerun", "retry", "prerun", "postrun"}) {
		t.Errorf("events %v", got)
	}
}

func TestRetryDelayHasJitterAndABound(t *testing.T) {
	for _, c := range []struct {
		first  int64
		tries  uint32
		jitter uint32
		want   int64
	}{
		{1000, 1, 0, second}, {1000, 3, 0, 4 * second}, {1000, 1, 500, second + second/2}, {1000, 2, 5000, 2*second + 2*second*999/1000},
		{0, 5, 100, 0}, {-5, 1, 0, 0}, {1000, 4_000_000_000, 0, 3600 * second}, {1 << 62, 1, 0, 3600 * second},
	} {
		if got := backoff(c.first, c.tries, c.jitter); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func TestSocketOverridesItsProcessorsPolicy(t *testing.T) {
	w := newWorld(t)
	w.socket("B", func(c *messages.ConfigureSocket) {
		c.Retries, c.Retrydelay, c.Timelimit = proto32(0), proto64(5), proto64(0)
	})
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("B", "b"), "b")
	if s.Timelimit != 0 {
		t.Errorf("time limit %d, want none", s.Timelimit)
	}
	w.answer(s, messages.Outcome_EXCEPTION)
	w.is("b", isFailed)
}

func TestRetryWithoutDelayGoesBackAtOnce(t *testing.T) {
	w := newWorld(t)
	w.socket("B", func(c *messages.ConfigureSocket) { c.Retrydelay = proto64(0) })
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("B", "b"), "b")
	if s = w.one(starts(w.answer(s, messages.Outcome_EXCEPTION)), "b"); s.Attempt != 2 {
		t.Errorf("attempt %d, want 2", s.Attempt)
	}
}

func TestResultThatIsNotJSONFailsWithoutRetry(t *testing.T) {
	for name, result := range map[string]string{"text": "hello", "nothing": "", "NaN": "NaN", "not UTF-8": "\"\xff\"", "too long": `"` + strings.Repeat("x", messages.MaxInline) + `"`} {
		w := newWorld(t)
		w.grant("n1/1", "0", 1)
		s := w.one(w.send("A", "a"), "a")
		w.answer(s, messages.Outcome_OK, func(c *messages.Complete) { c.Result = []byte(result) })
		if c := w.is("a", isFailed); c.Error.Type != "bad_result" || c.HasResult {
			t.Errorf("%s: %v", name, c)
		}
	}
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	w.answer(w.one(w.send("A", "a"), "a"), messages.Outcome_BAD_RESULT, func(c *messages.Complete) { c.Failure.Message = "a set is not JSON" })
	if c := w.is("a", isFailed); c.Error.Type != "bad_result" || c.Error.Message != "a set is not JSON" {
		t.Errorf("call is %v", c)
	}
}

func TestCrashIsChargedToTheRunningCallAlone(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 3)
	s := w.send("A", "a", "b", "c", "d")
	w.wantStarted(s, "a", "b", "c")
	if e := starts(w.answer(s[0], messages.Outcome_CRASH)); len(e) != 0 {
		t.Fatalf("a slot without worker was given %v", nameOf(e))
	}
	for name, crashes := range map[string]uint32{"a": 1, "b": 0, "c": 0} {
		if c := w.is(name, isQueued); c.Crashes != crashes || c.Attempt != 1 {
			t.Errorf("call %s: %v", name, c)
		}
	}
	w.wantStarted(w.grant("n1/1", "0", 4), "a", "b", "c", "d") // at their old places
}

// The Start of the first call was lost on its way: the slot never knew of it.
func TestCrashIsChargedToTheCallThatIsNamed(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 3)
	s := w.send("A", "a", "b", "c")
	w.answer(s[1], messages.Outcome_CRASH, func(c *messages.Complete) { c.Log = []byte("last words\n") })
	for name, crashes := range map[string]uint32{"a": 0, "b": 1, "c": 0} {
		if c := w.is(name, isQueued); c.Crashes != crashes || (len(c.Log) > 0) != (name == "b") {
			t.Errorf("call %s: %v", name, c)
		}
	}
	w.wantStarted(w.grant("n1/1", "0", 3), "a", "b", "c") // at their old places
}

func TestThirdCrashQuarantines(t *testing.T) {
	w := newWorld(t)
	w.send("A", "a")
	for i := range messages.MaxCrashes {
		s := w.one(w.grant("n1/1", "0", 1), "a")
		if int(s.Attempt) != i+1 {
			t.Fatalf("attempt %d, want %d", s.Attempt, i+1)
		}
		w.answer(s, messages.Outcome_CRASH, func(c *messages.Complete) { c.Failure.Message = "signal: killed" })
	}
	if c := w.is("a", isFailed); c.Error.Type != "quarantined" || !strings.Contains(c.Error.Message, "signal: killed") {
		t.Errorf("call is %v", c)
	}
}

func TestReleasedCallGoesBackUncharged(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 2)
	s := w.send("A", "a", "b", "c")
	w.grant("n1/1", "0", 0)
	w.answer(s[1], messages.Outcome_RELEASED)
	if c := w.is("b", isQueued); c.Tries+c.Crashes+c.Lost != 0 || !slices.Equal(events(c), []string{"received", "prerun", "release"}) {
		t.Errorf("call is %v", c)
	}
	w.wantStarted(w.grant("n2/1", "0", 2), "b", "c")
}

func TestLogIsThatOfTheLastAttempt(t *testing.T) {
	w := newWorld(t)
	w.socket("B", func(c *messages.ConfigureSocket) { c.Retrydelay = proto64(0) })
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("B", "b"), "b")
	s = w.one(starts(w.answer(s, messages.Outcome_EXCEPTION, func(c *messages.Complete) { c.Log = make([]byte, messages.MaxLog+1) })), "b")
	if n := len(w.get("b").Log); n != messages.MaxLog {
		t.Errorf("a log of %d bytes is kept, want %d", n, messages.MaxLog)
	}
	w.ok(s)
	if n := len(w.get("b").Log); n != 0 {
		t.Errorf("the last attempt printed nothing, and its log has %d bytes", n)
	}
}

func TestEventsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.send("A", "a")
	for range messages.MaxEvents {
		w.one(w.grant("n1/1", "0", 1), "a")
		w.do(&messages.Revoke{Session: "n1/1", Slot: "0"})
	}
	c := w.get("a")
	if len(c.Events) != messages.MaxEvents || c.Events[0].Name != "received" || c.Events[len(c.Events)-1].Attempt != messages.MaxEvents {
		t.Errorf("%d events, from %v to %v", len(c.Events), c.Events[0], c.Events[len(c.Events)-1])
	}
}

func TestUnknownOutcomeIsRefused(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("A", "a"), "a")
	w.refuse(messages.Invalid, "outcome", &messages.Complete{Session: s.Session, Slot: s.Slot, Call: s.Call, Attempt: 1})
}
