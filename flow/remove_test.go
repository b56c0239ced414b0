package flow

import (
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func (w *world) wantHeld(socket string, held int64, there bool) {
	w.t.Helper()
	if n, ok := SocketHeld(w.state, socket); n != held || ok != there {
		w.t.Errorf("socket %s holds %d calls, there: %v; want %d, %v", socket, n, ok, held, there)
	}
}

func TestRemovedSocketDrains(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("A", "a", "b"), "a")
	w.do(&messages.RemoveSocket{Socket: "A"})
	w.refuse(messages.NotFound, "being deleted", enqueueOf("A", "c"))
	if r := w.do(enqueueOf("A", "a")).Reply.GetEnqueued(); !r.Duplicate {
		t.Errorf("a call that is known: %v", r)
	}
	w.wantHeld("A", 2, true)
	s = w.one(starts(w.ok(s)), "b")
	w.ok(s)
	w.wantHeld("A", 0, false)
	w.refuse(messages.NotFound, "no such socket", enqueueOf("A", "c"))
	w.is("a", isFinished)
	if p := ListCalls(w.state, &messages.ListCallsRequest{Socket: "A"}, nil, 0, w.now); p.Total != 2 || len(p.Calls) != 2 {
		t.Errorf("list of a removed socket: %v", p)
	}
	w.do(&messages.RemoveSocket{Socket: "A"})
	w.do(&messages.RemoveSocket{Socket: "never there"})
}

func TestEmptySocketIsRemovedAtOnce(t *testing.T) {
	w := newWorld(t)
	w.do(&messages.RemoveSocket{Socket: "A"})
	w.wantHeld("A", 0, false)
	w.socket("A")
	w.wantHeld("A", 0, true)
}

func TestSocketRemovedByForceCancelsItsCallsInSteps(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 2)
	s := w.send("A", "a", "b")
	w.answer(s[1], messages.Outcome_EXCEPTION)
	w.batch("A", "block", 2*maxWork)
	w.send("A", "last")
	held := int64(2*maxWork + 3)
	r := w.do(&messages.RemoveSocket{Socket: "A", Force: true})
	if n := len(effectsOf[*messages.Ended](r.Effects)); n != maxWork {
		t.Errorf("one command ended %d calls", n)
	}
	if aborts := effectsOf[*messages.Abort](r.Effects); len(aborts) != 2 {
		t.Errorf("aborts %v", aborts)
	}
	w.wantHeld("A", held-maxWork, true)
	e := w.ticks()
	if n := len(effectsOf[*messages.Ended](e)); n != int(held)-maxWork || len(effectsOf[*messages.Start](e)) != 0 {
		t.Errorf("ticks ended %d calls", n)
	}
	w.wantHeld("A", 0, true) // two slots have not stopped yet
	for _, a := range Aborts(w.state, "") {
		w.do(&messages.Complete{Session: a.Session, Slot: a.Slot, Call: a.Call, Attempt: a.Attempt, Outcome: messages.Outcome_RELEASED})
	}
	w.wantHeld("A", 0, false)
	if c := w.is("last", isCancelled); !strings.Contains(c.Events[1].Note, "deleted") {
		t.Errorf("call is %v", c)
	}
}

func TestForceCanFollowADrain(t *testing.T) {
	w := newWorld(t)
	w.send("A", "a")
	w.do(&messages.RemoveSocket{Socket: "A"})
	w.is("a", isQueued)
	w.do(&messages.RemoveSocket{Socket: "A", Force: true})
	w.is("a", isCancelled)
	w.wantHeld("A", 0, false)
}

func TestRemovedProcessorGoesWithItsLastSocket(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("A", "a"), "a")
	w.do(&messages.RemoveProcessor{Processor: "P"})
	w.do(&messages.RemoveSocket{Socket: "A"})
	w.ok(s)
	w.is("a", isFinished)
	w.refuse(messages.Unavailable, "not known", &messages.Grant{Session: "n1/1", Slot: "0", Processor: "P", Commit: "c1", Window: 1})
	w.do(&messages.RemoveProcessor{Processor: "P"})
}

func TestRemovedProcessorGivesBackWhatItsSlotsHeldForAnother(t *testing.T) {
	w := newWorld(t)
	w.do(&messages.ConfigureProcessor{Processor: "R", Commit: "r1", Status: "running"})
	w.grant("n1/1", "0", 1)
	w.one(w.send("A", "a"), "a")
	w.grant("n2/1", "0", 0)
	w.do(&messages.Grant{Session: "n1/1", Slot: "0", Processor: "R", Commit: "r1", Window: 1})
	w.do(&messages.RemoveProcessor{Processor: "R"})
	w.is("a", isQueued)
	w.one(w.grant("n2/1", "0", 1), "a")
}

func TestSocketCanMoveToAnotherProcessor(t *testing.T) {
	w := newWorld(t)
	w.do(&messages.ConfigureProcessor{Processor: "R", Commit: "r1", Status: "running"})
	w.do(&messages.Grant{Session: "n1/1", Slot: "0", Processor: "R", Commit: "r1", Window: 1})
	w.send("A", "a")
	r := w.do(&messages.ConfigureSocket{Socket: "A", Name: "a", Processor: "R"})
	w.one(starts(r), "a")
	w.refuse(messages.Invalid, "socket", &messages.ConfigureSocket{Processor: "R"})
	w.refuse(messages.Invalid, "processor", &messages.ConfigureProcessor{Processor: strings.Repeat("x", maxID+1)})
}
