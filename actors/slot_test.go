package actors

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

const (
	ok       = messages.Outcome_OK
	crash    = messages.Outcome_CRASH
	timeout  = messages.Outcome_TIMEOUT
	released = messages.Outcome_RELEASED
)

// endsIn says whether a command ends an attempt in this way.
func endsIn(m proto.Message, outcome messages.Outcome) bool {
	ends := func(c *messages.Complete) bool { return c.Outcome == outcome }
	switch m := m.(type) {
	case *messages.Complete:
		return ends(m)
	case *messages.CompleteBatch:
		return slices.ContainsFunc(m.Completes, ends)
	}
	return false
}

// charged gives the outcomes of a call's attempts that were started.
func charged(c fakeCall) []messages.Outcome {
	return slices.DeleteFunc(slices.Clone(c.outcomes), func(o messages.Outcome) bool { return o == released })
}

func on(slots int32) map[messages.NodeID]int32 { return map[messages.NodeID]int32{lead1: slots} }

func TestCallsRunOnSlots(t *testing.T) {
	inWorld(t, 1, 2, func(t *testing.T, w *world) {
		w.place("c1", on(2))
		ids := w.partition.run("1ms", 200)
		w.until("all calls finish", 10*time.Second, w.finished(len(ids)))
		for _, id := range ids {
			if got := string(w.partition.call(id).result); got != `"`+id.String()+`"` {
				t.Errorf("call %v: result %s", id, got)
			}
		}
		if ran := len(w.workers[lead1].runs()); ran != len(ids) {
			t.Errorf("%d runs of %d calls", ran, len(ids))
		}
	})
}

func TestEchoNeedsNoWorker(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.partition.echo = true
		w.place("c1", on(1))
		ids := w.partition.run("echo", 100)
		w.until("all calls finish", time.Second, w.finished(len(ids)))
		if _, started := w.workers[lead1].count(); started != 0 {
			t.Errorf("%d workers were started", started)
		}
		if got := string(w.partition.call(ids[99]).result); got != `"`+ids[99].String()+`"` {
			t.Errorf("result %s is not the argument", got)
		}
	})
}

// Calls of an echo are as short as can be, so that only their bytes bound the window.
func TestWindowFollowsTheBytesOfCalls(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.partition.echo, w.partition.bulk = true, 1<<20
		w.place("c1", on(1))
		w.partition.run("echo", 100)
		w.until("all calls finish", time.Second, w.finished(100))
		time.Sleep(regrant) // of the bubble: windows do not change more often
		w.partition.run("echo", 100)
		w.until("all calls finish", time.Second, w.finished(200))
		if got := w.partition.all()[0].window; got == 0 || got > 2*ahead>>20 {
			t.Errorf("window %d of calls of 1 MiB", got)
		}
	})
}

func TestOneSlotRunsCallsInOrder(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		ids := w.partition.run("100us", 300)
		w.until("all calls finish", 10*time.Second, w.finished(len(ids)))
		for i, a := range w.workers[lead1].runs() {
			if a.call != ids[i] {
				t.Fatalf("run %d is not call %d", i, i)
			}
		}
	})
}

// Of several commands on their way at once a later one may be committed first;
// what came meanwhile goes together instead.
func TestOneSlotEndsCallsInOrder(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.partition.slow = func(proto.Message) time.Duration {
			return time.Duration(rand.IntN(2000)) * time.Microsecond
		}
		w.place("c1", on(1))
		ids := w.partition.run("100us", 300)
		w.until("all calls finish", 10*time.Second, w.finished(len(ids)))
		for i, c := range commands[*messages.Complete](w.partition) {
			if messages.CallIDFrom(c.Call) != ids[i] {
				t.Fatalf("end %d is not that of call %d", i, i)
			}
		}
		if n := len(commands[*messages.CompleteBatch](w.partition)); n == 0 {
			t.Error("no two ends went together")
		}
	})
}

func TestWindowFollowsTheDurationOfCalls(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		w.partition.run("100us", 300)
		w.until("short calls finish", 10*time.Second, w.finished(300))
		if got := w.partition.all()[0].window; got < 16 {
			t.Errorf("window %d after calls of 0.1 ms", got)
		}
		w.partition.run("50ms", 60)
		w.until("long calls finish", 10*time.Second, w.finished(360))
		if got := w.partition.all()[0].window; got != 1 {
			t.Errorf("window %d after calls of 50 ms", got)
		}
		if n := len(commands[*messages.Grant](w.partition)); n > 10 {
			t.Errorf("%d grants for two changes of pace", n)
		}
	})
}

func TestNothingWaitsBehindASlowCall(t *testing.T) {
	inWorld(t, 1, 2, func(t *testing.T, w *world) {
		w.place("c1", on(2))
		w.partition.run("100us", 400)
		w.until("the windows are wide", 10*time.Second, w.finished(400))
		slow := w.partition.run("10s", 1)[0]
		w.partition.run("100us", 200)
		w.until("the others finish on the other slot", time.Second, w.finished(600))
		w.until("the slow one finishes", 11*time.Second, w.finished(601))
		if got := w.partition.call(slow).outcomes; !slices.Equal(got, []messages.Outcome{ok}) {
			t.Errorf("the slow call was tried %v", got)
		}
	})
}

func TestWorkerDeathIsBlamedOnTheRunningCallAlone(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		w.partition.run("100us", 200)
		w.until("the window is wide", 10*time.Second, w.finished(200))
		before := w.partition.run("100us", 3)
		guilty := w.partition.run("crash once", 1)[0]
		behind := w.partition.run("100us", 20)
		w.until("all finish", 10*time.Second, w.finished(224))
		if got := charged(w.partition.call(guilty)); !slices.Equal(got, []messages.Outcome{crash, ok}) {
			t.Errorf("the call that killed its worker ended %v", got)
		}
		for _, id := range append(before, behind...) {
			for _, o := range w.partition.call(id).outcomes {
				if o != ok && o != released {
					t.Errorf("call %v is charged with %v", id, o)
				}
			}
		}
		if _, started := w.workers[lead1].count(); started != 2 {
			t.Errorf("%d workers were started", started)
		}
	})
}

func TestGrantDoesNotOvertakeACrash(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.partition.slow = func(m proto.Message) time.Duration {
			if endsIn(m, crash) {
				return time.Second // the new worker is ready long before
			}
			return 0
		}
		w.place("c1", on(1))
		w.partition.run("crash once", 1)
		w.partition.run("1ms", 5)
		w.until("the window is open after the crash", 5*time.Second, w.finished(6))
	})
}

func TestTimeLimitIsTheRunningCallsAlone(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.partition.limit = 200 * time.Millisecond
		w.place("c1", on(1))
		w.partition.run("100us", 200)
		w.until("the window is wide", 10*time.Second, w.finished(200))
		hung := w.partition.run("hang once", 1)[0]
		behind := w.partition.run("150ms", 5)
		w.until("all finish", 10*time.Second, w.finished(206))
		if got := charged(w.partition.call(hung)); !slices.Equal(got, []messages.Outcome{timeout, ok}) {
			t.Errorf("the call that hung ended %v", got)
		}
		for _, id := range behind {
			if slices.Contains(w.partition.call(id).outcomes, timeout) {
				t.Errorf("call %v ran in time, and was timed out", id)
			}
		}
	})
}

func TestExceptionIsTheCallsOutcome(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		w.partition.run("raise", 3)
		w.until("all fail", time.Second, func() bool { return w.partition.count(messages.CallState_FAILED) == 3 })
		if _, started := w.workers[lead1].count(); started != 1 {
			t.Errorf("%d workers for exceptions", started)
		}
	})
}

func TestCancelledCallsAreStopped(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		w.partition.run("100us", 200)
		w.until("the window is wide", 10*time.Second, w.finished(200))
		ids := w.partition.run("hang", 1)
		ids = append(ids, w.partition.run("hang", 1)...)
		last := w.partition.run("1ms", 1)[0]
		time.Sleep(time.Second)
		for _, id := range ids {
			if _, _, err := w.leader.propose(t.Context(), &messages.Cancel{Call: id.Bytes()}); err != nil {
				t.Fatal(err)
			}
		}
		w.until("the slot is free again", 5*time.Second, w.finished(201))
		for _, id := range ids {
			if got := w.partition.call(id); got.state != messages.CallState_CANCELLED {
				t.Errorf("cancelled call is %v", got.state)
			}
		}
		if got := w.partition.call(last).outcomes; slices.Contains(got, crash) {
			t.Errorf("the call behind is blamed: %v", got)
		}
		if got := w.partition.call(ids[0]).log; got != "printed" {
			t.Errorf("of what the cancelled call has printed is kept: %q", got)
		}
		w.until("nothing is being aborted", time.Second, func() bool { return len(w.partition.Aborts(w.partition.Sessions()[0])) == 0 })
	})
}

func TestAbortBeforeItsStartPreventsTheRun(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		w.partition.run("1ms", 1)
		w.until("the slot works", time.Second, w.finished(1))
		slot := w.partition.all()[0]
		call := messages.NewCallID("early", 1, 0)
		w.system.Send(lead1, slot.name, &messages.Abort{Session: slot.session, Slot: slot.name, Call: call.Bytes(), Attempt: 1})
		w.system.Send(lead1, slot.name, &messages.Starts{Starts: []*messages.Start{{Session: slot.session, Slot: slot.name, Call: call.Bytes(), Attempt: 1, Commit: "c1", Function: "1ms"}}})
		time.Sleep(time.Second)
		if n := len(w.workers[lead1].runs()); n != 1 {
			t.Errorf("%d calls ran, the aborted one among them", n)
		}
	})
}

func TestStartOfAnotherSessionIsIgnored(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		w.partition.run("1ms", 1)
		w.until("the slot works", time.Second, w.finished(1))
		slot := w.partition.all()[0]
		stale := messages.SessionID{Node: lead1, Boot: 1}.String()
		w.system.Send(lead1, slot.name, &messages.Starts{Starts: []*messages.Start{{Session: stale, Slot: slot.name, Call: messages.NewCallID("old", 1, 0).Bytes(), Attempt: 1, Commit: "c1", Function: "1ms"}}})
		time.Sleep(time.Second)
		if n := len(w.workers[lead1].runs()); n != 1 {
			t.Errorf("%d calls ran, that of an old session among them", n)
		}
	})
}

func TestPanicInASlotFromAnotherNode(t *testing.T) {
	inWorld(t, 2, 1, func(t *testing.T, w *world) {
		w.place("c1", map[messages.NodeID]int32{"node-b": 1})
		id := w.partition.run("hang once", 1)[0]
		w.until("the call runs", time.Second, func() bool { return len(w.workers["node-b"].runs()) == 1 })
		_, err := w.system.Ask("node-b", w.partition.all()[0].name, &messages.Panic{Reason: "for show"}, time.Second)
		if err == nil || messages.InfoOf(err).Kind != messages.ErrorKind_INTERNAL {
			t.Errorf("whoever made it panic was answered %v", err)
		}
		w.until("the call is tried again", 10*time.Second, w.finished(1))
		if got := w.partition.call(id).outcomes; !slices.Equal(got, []messages.Outcome{crash, ok}) {
			t.Errorf("the call ended %v", got)
		}
		if alive, started := w.workers["node-b"].count(); alive != 1 || started != 2 {
			t.Errorf("%d workers alive of %d", alive, started)
		}
	})
}

func TestPanicInAnIdleSlotCostsNothing(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		w.partition.run("1ms", 5)
		w.until("calls finish", time.Second, w.finished(5))
		for round := range 3 {
			if _, err := w.system.Ask(lead1, w.partition.all()[0].name, &messages.Panic{Reason: "for show"}, time.Second); err == nil {
				t.Error("it did not panic")
			}
			w.partition.run("1ms", 5)
			w.until("calls finish, so that the slot is idle again", 10*time.Second, w.finished(5*(round+2)))
		}
		for _, c := range commands[*messages.Complete](w.partition) {
			if c.Outcome == crash {
				t.Errorf("a call is blamed for it: %v", c.Failure)
			}
		}
	})
}

func TestPanicInTheAgentBeginsANewSession(t *testing.T) {
	inWorld(t, 1, 2, func(t *testing.T, w *world) {
		w.place("c1", on(2))
		w.partition.run("20ms", 50)
		w.until("some finish", 10*time.Second, func() bool { return w.partition.count(messages.CallState_FINISHED) > 10 })
		old := w.partition.Sessions()[0]
		if _, err := w.system.Ask(lead1, AgentName, &messages.Panic{Reason: "for show"}, time.Second); err == nil {
			t.Error("it did not panic")
		}
		w.until("all finish", 10*time.Second, w.finished(50))
		if now := w.partition.Sessions(); len(now) != 1 || now[0] == old {
			t.Errorf("sessions %v after %s", now, old)
		}
		if w.workers[lead1].atOnce() > 2 {
			t.Errorf("%d workers at once on 2 CPUs", w.workers[lead1].atOnce())
		}
	})
}

func TestCrashingWorkersAreStartedMoreAndMoreSlowly(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.workers[lead1].set(func(f *fakeWorkers) { f.broken = true })
		w.place("c1", on(1))
		time.Sleep(time.Minute)
		if _, started := w.workers[lead1].count(); started < 8 || started > 20 {
			t.Errorf("%d starts of a worker that cannot start in a minute", started)
		}
		w.workers[lead1].set(func(f *fakeWorkers) { f.broken = false })
		w.partition.run("1ms", 1)
		w.until("it works when the cause is gone", 15*time.Second, w.finished(1))
	})
}
