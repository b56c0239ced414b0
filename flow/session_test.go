package flow

import (
	"slices"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestEndOfASessionQueuesItsCallsAgainAndChargesTheRunningOne(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 2)
	w.grant("n1/1", "1", 1)
	w.wantStarted(w.send("A", "a", "b", "c", "d"), "a", "b", "c")
	// a and c went to slot 0, b to slot 1: the least loaded one comes first.
	w.grant("n2/1", "0", 1)
	w.is("d", isRunning)
	w.do(&messages.EndSession{Session: "n1/1", Reason: "no sign of life"})
	for name, lost := range map[string]uint32{"a": 1, "b": 1, "c": 0} {
		if c := w.is(name, isQueued); c.Lost != lost {
			t.Errorf("call %s: lost %d, want %d", name, c.Lost, lost)
		}
	}
	w.wantStarted(w.grant("n2/1", "1", 3), "a", "b", "c")
	if c := w.get("a"); c.Attempt != 2 || !slices.Equal(events(c), []string{"received", "prerun", "lost", "prerun"}) {
		t.Errorf("call is %v", c)
	}
}

func TestTwentiethLostSessionQuarantines(t *testing.T) {
	w := newWorld(t)
	w.send("A", "a")
	for boot := range uint64(messages.MaxLost) {
		w.is("a", isQueued)
		session := messages.SessionID{Node: "n1", Boot: boot + 1}.String()
		w.one(w.grant(session, "0", 1), "a")
		w.do(&messages.EndSession{Session: session})
	}
	if c := w.is("a", isFailed); c.Error.Type != "quarantined" || c.Lost != messages.MaxLost {
		t.Errorf("call is %v", c)
	}
}

func TestFirstGrantOfANewBootEndsTheOlderSession(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	old := w.one(w.send("A", "a"), "a")
	s := w.one(w.grant("n1/2", "0", 1), "a")
	if s.Attempt != 2 || s.Session != "n1/2" || s.Order <= old.Order {
		t.Errorf("start is %v", s)
	}
	if got := Sessions(w.state); !slices.Equal(got, []string{"n1/2"}) {
		t.Errorf("sessions %v", got)
	}
	w.refuse(messages.NotFound, "session ended", &messages.Grant{Session: "n1/1", Slot: "0", Processor: "P", Commit: "c1", Window: 1})
}

func TestGrantOfAnEndedSessionIsRefused(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/7", "0", 1)
	w.do(&messages.EndSession{Session: "n1/7"})
	for _, session := range []string{"n1/7", "n1/6", "n1/0"} {
		w.refuse(messages.NotFound, "session ended", &messages.Grant{Session: session, Slot: "0", Processor: "P", Commit: "c1", Window: 1})
	}
	w.grant("n1/8", "0", 1)
	before := w.state.Clone()
	w.do(&messages.EndSession{Session: "n1/7"}) // once more, and late
	same(t, before, w.state)
	if got := Sessions(w.state); !slices.Equal(got, []string{"n1/8"}) {
		t.Errorf("sessions %v", got)
	}
}

func TestEndOfASessionThatNeverGrantedIsRemembered(t *testing.T) {
	w := newWorld(t)
	w.do(&messages.EndSession{Session: "n1/3"})
	w.refuse(messages.NotFound, "session ended", &messages.Grant{Session: "n1/3", Slot: "0", Processor: "P", Commit: "c1", Window: 1})
}

func TestGrantReplacesWhatTheSlotGranted(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	w.wantStarted(w.send("A", "a", "b", "c", "d"), "a")
	w.wantStarted(w.grant("n1/1", "0", 3), "b", "c")
	if s := w.grant("n1/1", "0", 1); len(s) != 0 {
		t.Errorf("a smaller window started %v", nameOf(s))
	}
	// It holds three calls still; only when none is left it may take one.
	for i, name := range []string{"a", "b"} {
		if s := starts(w.ok(Leases(w.state, "")[0])); len(s) != 0 {
			t.Fatalf("%d: the end of %s started %v", i, name, nameOf(s))
		}
	}
	w.one(starts(w.ok(Leases(w.state, "")[0])), "d")
}

func TestCallsSpreadBeforeTheyQueueBehindEachOther(t *testing.T) {
	w := newWorld(t)
	for _, slot := range []string{"0", "1", "2"} {
		w.grant("n1/1", slot, 2)
	}
	var slots []string
	for _, s := range w.send("A", "a", "b", "c", "d", "e", "f", "g") {
		slots = append(slots, s.Slot)
	}
	if !slices.Equal(slots, []string{"0", "1", "2", "0", "1", "2"}) {
		t.Errorf("calls went to slots %v", slots)
	}
	w.waits("a", "running on node node-n1, attempt 1")
	w.waits("d", "behind another call on node node-n1")
}

func TestOnlySlotsOfTheProcessorsCommitGetCalls(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 2)
	a := w.one(w.send("A", "a"), "a")
	configure := func(commit, status, message string) []*messages.Start {
		return starts(w.do(&messages.ConfigureProcessor{Processor: "P", Name: "proc", Commit: commit, Status: status, Message: message}))
	}
	configure("c2", "running", "building environment")
	w.send("A", "b")
	w.waits("b", "building environment")
	if got := w.get("a").Commit; got != "c1" {
		t.Errorf("the running call is of commit %s", got)
	}
	w.ok(a) // running ones finish on the old code
	w.is("a", isFinished)
	w.is("b", isQueued)
	s := w.one(starts(w.do(&messages.Grant{Session: "n1/1", Slot: "0", Processor: "P", Commit: "c2", Window: 1})), "b")
	if s.Commit != "c2" {
		t.Errorf("start is %v", s)
	}
	w.wantStarted(configure("c3", "running", ""))
	w.wantStarted(configure("c2", "running", ""))
	w.send("A", "c")
	w.waits("c", "behind other calls")
}

func TestPausedStoppedAndFailedProcessorsHoldTheirCalls(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	for status, text := range map[string]string{"paused": "its processor is paused", "stopped": "its processor is stopped", "failed": "processor failed: pip said no"} {
		w.do(&messages.ConfigureProcessor{Processor: "P", Commit: "c1", Status: status, Message: "pip said no"})
		if s := w.send("A", status); len(s) != 0 {
			t.Errorf("%s: started %v", status, nameOf(s))
		}
		w.waits(status, text)
		r := starts(w.do(&messages.ConfigureProcessor{Processor: "P", Commit: "c1", Status: "running"}))
		w.ok(w.one(r, status))
	}
}

func TestCallsWaitForAProcessorThatIsNotKnownYet(t *testing.T) {
	w := newWorld(t)
	w.do(&messages.ConfigureSocket{Socket: "Q", Name: "q", Processor: "later"})
	w.send("Q", "a")
	w.waits("a", "no worker")
	e := w.refuse(messages.Unavailable, "not known", &messages.Grant{Session: "n1/1", Slot: "0", Processor: "later", Commit: "x", Window: 1})
	if e.RetryAfter == 0 || len(Sessions(w.state)) != 0 {
		t.Errorf("refused with %v, sessions %v", e, Sessions(w.state))
	}
	w.do(&messages.ConfigureProcessor{Processor: "later", Commit: "x", Status: "running", BuiltinEcho: true})
	s := w.one(starts(w.do(&messages.Grant{Session: "n1/1", Slot: "0", Processor: "later", Commit: "x", Window: 1})), "a")
	if !s.BuiltinEcho {
		t.Error("the built-in echo was not passed on")
	}
}

func TestSlotCanMoveToAnotherProcessorWhileItHoldsACall(t *testing.T) {
	w := newWorld(t)
	w.do(&messages.ConfigureProcessor{Processor: "R", Commit: "r1", Status: "running"})
	w.socket("B", func(c *messages.ConfigureSocket) { c.Processor = "R" })
	w.grant("n1/1", "0", 1)
	a := w.one(w.send("A", "a", "a2"), "a")
	w.send("B", "b")
	w.wantStarted(starts(w.do(&messages.Grant{Session: "n1/1", Slot: "0", Processor: "R", Commit: "r1", Window: 1})))
	w.one(starts(w.ok(a)), "b")
	w.is("a2", isQueued)
}

func TestRevokedSlotGivesItsCallsBackUncharged(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 2)
	w.send("A", "a", "b")
	w.do(&messages.Revoke{Session: "n1/1", Slot: "0"})
	w.do(&messages.Revoke{Session: "n1/1", Slot: "0"})
	for _, name := range []string{"a", "b"} {
		if c := w.is(name, isQueued); c.Lost+c.Crashes+c.Tries != 0 {
			t.Errorf("call %s: %v", name, c)
		}
	}
	w.waits("a", "no worker")
	w.wantStarted(w.grant("n1/1", "1", 2), "a", "b")
}

func TestEventsSayWhyACallWentBack(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 2)
	s := w.send("A", "a", "b")
	w.answer(s[1], messages.Outcome_RELEASED, func(c *messages.Complete) { c.Failure = &messages.Failure{Message: "its commit was replaced"} })
	w.do(&messages.Revoke{Session: "n1/1", Slot: "0", Reason: "node n1 is drained"})
	for name, want := range map[string]string{"a": "its slot was taken back: node n1 is drained", "b": "its commit was replaced"} {
		c, note := w.get(name), ""
		for _, e := range c.Events {
			if e.Name == "release" {
				note = e.Note
				break
			}
		}
		if note != want {
			t.Errorf("call %s went back: %q, want %q", name, note, want)
		}
	}
}

func TestANewLeaderFindsWhatIsPending(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 2)
	w.grant("n2/1", "0", 1)
	want := w.send("A", "a", "b", "c")
	w.do(&messages.Cancel{Call: want[0].Call})
	if got := nameOf(Leases(w.state, "")); !slices.Equal(got, []string{"c", "b"}) {
		t.Errorf("leases: %v", got)
	}
	if got := Leases(w.state, "n2/1"); len(got) != 1 || got[0].String() != want[1].String() {
		t.Errorf("leases of n2/1: %v, want %v", got, want[1])
	}
	if got := Aborts(w.state, "n1/1"); len(got) != 1 || string(got[0].Call) != string(want[0].Call) || got[0].Attempt != 1 {
		t.Errorf("aborts: %v", got)
	}
	if got := Aborts(w.state, "n2/1"); len(got) != 0 {
		t.Errorf("aborts of n2/1: %v", got)
	}
}

func TestMalformedGrantsAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, g := range []*messages.Grant{
		{Session: "n1", Slot: "0", Processor: "P"},
		{Session: "n1/007", Slot: "0", Processor: "P"},
		{Session: "n1/18446744073709551615", Slot: "0", Processor: "P"},
		{Session: "n1/1", Slot: "", Processor: "P"},
		{Session: "n1/1", Slot: "0", Processor: "P", Window: messages.MaxWindow + 1},
	} {
		w.refuse(messages.Invalid, "", g)
	}
	w.refuse(messages.Invalid, "session", &messages.EndSession{Session: "n1"})
}
