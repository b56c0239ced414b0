package flow

import (
	"testing"

	"github.com/elasticcode/flow/messages"
)

func (w *world) cancel(name string) messages.Result {
	w.t.Helper()
	return w.do(&messages.Cancel{Call: id(name).Bytes(), Reason: "not needed"})
}

func TestCancelledCallThatWaitsNeverRuns(t *testing.T) {
	w := newWorld(t)
	w.send("A", "a", "b")
	r := w.cancel("a")
	if c := r.Reply.GetCall().Call; c.State != isCancelled {
		t.Errorf("answered %v", c)
	}
	if e := effectsOf[*messages.Ended](r.Effects); len(e) != 1 || e[0].Call.State != isCancelled {
		t.Errorf("effects %v", r.Effects)
	}
	w.wantStarted(w.grant("n1/1", "0", 2), "b")
	if c := w.is("a", isCancelled); c.Events[1].Name != "cancel" || c.Events[1].Note != "not needed" {
		t.Errorf("call is %v", c)
	}
}

func TestCancelOfAnEndedCallChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	w.ok(w.one(w.send("A", "a"), "a"))
	before := w.state.Clone()
	r := w.cancel("a")
	if c := r.Reply.GetCall().Call; c.State != isFinished || string(c.Result) != `"done"` || len(r.Effects) != 0 {
		t.Errorf("answered %v", r)
	}
	same(t, before, w.state)
}

func TestCancelOfARunningCallFreesTheSlotWhenItHasStopped(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("A", "a", "b"), "a")
	r := w.cancel("a")
	aborts := effectsOf[*messages.Abort](r.Effects)
	if len(aborts) != 1 || aborts[0].Slot != "0" || aborts[0].Attempt != 1 || len(starts(r)) != 0 {
		t.Fatalf("effects %v", r.Effects)
	}
	w.is("a", isCancelled)
	w.is("b", isQueued)
	r = w.answer(s, messages.Outcome_RELEASED, func(c *messages.Complete) { c.Log = []byte("half way") })
	if c := r.Reply.GetCompleted(); !c.Stale || c.State != isCancelled {
		t.Errorf("answered %v", c)
	}
	w.one(starts(r), "b")
	if c := w.is("a", isCancelled); c.HasResult || string(c.Log) != "half way" {
		t.Errorf("call is %v", c)
	}
}

func TestWorkerKilledForACancelChargesNobody(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 2)
	s := w.send("A", "a", "b")
	w.cancel("a")
	if r := w.answer(s[0], messages.Outcome_CRASH); !r.Reply.GetCompleted().Stale || len(starts(r)) != 0 {
		t.Errorf("answered %v", r)
	}
	if c := w.is("b", isQueued); c.Crashes != 0 {
		t.Errorf("call is %v", c)
	}
	w.one(w.grant("n1/1", "0", 1), "b")
}

func TestAbortEndsWithItsSession(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 2)
	w.send("A", "a", "b")
	w.cancel("a")
	w.do(&messages.EndSession{Session: "n1/1"})
	if c := w.is("b", isQueued); c.Lost != 0 {
		t.Errorf("a call that never began was charged: %v", c)
	}
	w.is("a", isCancelled)
}

func TestCancelledRetryDoesNotComeBack(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	w.answer(w.one(w.send("A", "a"), "a"), messages.Outcome_EXCEPTION)
	w.cancel("a")
	w.later(10 * second)
	if e := w.ticks(); len(e) != 0 {
		t.Errorf("ticks gave %v", e)
	}
	w.is("a", isCancelled)
}

func TestCancelOfAnUnknownCallIsRefused(t *testing.T) {
	w := newWorld(t)
	w.refuse(messages.NotFound, "no such call", &messages.Cancel{Call: id("x").Bytes()})
	w.refuse(messages.NotFound, "no such call", &messages.Cancel{})
}
