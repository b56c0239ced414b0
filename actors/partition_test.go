package actors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/elasticcode/flow/messages"
)

const startType = "flow.v1.Starts"

func TestLostStartIsSentAgain(t *testing.T) {
	inWorld(t, 2, 1, func(t *testing.T, w *world) {
		lost := 0
		w.network.lose = func(_, _ messages.NodeID, m *messages.ActorEnvelope) bool {
			if m.Type == startType && lost < 2 {
				lost++
				return true
			}
			return false
		}
		w.place("c1", map[messages.NodeID]int32{"node-b": 1})
		id := w.partition.run("1ms", 1)[0]
		w.until("the call finishes all the same", 10*time.Second, w.finished(1))
		if got := w.partition.call(id); lost != 2 || got.attempt != 1 {
			t.Errorf("%d starts lost, %d attempts", lost, got.attempt)
		}
	})
}

func TestLostStartIsSentAtOnceWhenTheLinkIsBack(t *testing.T) {
	inWorld(t, 2, 1, func(t *testing.T, w *world) {
		cut := true
		w.network.lose = func(_, _ messages.NodeID, m *messages.ActorEnvelope) bool { return cut && m.Type == startType }
		w.place("c1", map[messages.NodeID]int32{"node-b": 1})
		w.until("the slot is granted", time.Second, func() bool { return w.partition.credits("c1") == 1 })
		w.partition.run("1ms", 1)
		synctest.Wait()
		w.network.set(func() { cut = false })
		w.leader.Reconnected("node-b")
		w.until("the call finishes", 100*time.Millisecond, w.finished(1))
	})
}

func TestDuplicatedStartRunsOnce(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		w.partition.run("100ms", 1)
		w.until("it runs", time.Second, func() bool { return len(w.workers[lead1].runs()) == 1 })
		for range 3 {
			w.leader.Reconnected(lead1)
			w.leader.Leading(2)
		}
		w.until("it finishes", time.Second, w.finished(1))
		w.leader.Leading(3)
		time.Sleep(3 * time.Second)
		if ran := len(w.workers[lead1].runs()); ran != 1 {
			t.Errorf("it ran %d times", ran)
		}
	})
}

func TestLostAbortIsSentAgain(t *testing.T) {
	inWorld(t, 2, 1, func(t *testing.T, w *world) {
		lost := 0
		w.network.lose = func(_, _ messages.NodeID, m *messages.ActorEnvelope) bool {
			if m.Type == "flow.v1.Abort" && lost < 2 {
				lost++
				return true
			}
			return false
		}
		w.place("c1", map[messages.NodeID]int32{"node-b": 1})
		id := w.partition.run("hang", 1)[0]
		w.partition.run("1ms", 1)
		w.until("it runs", time.Second, func() bool { return len(w.workers["node-b"].runs()) == 1 })
		if _, _, err := w.leader.propose(t.Context(), &messages.Cancel{Call: id.Bytes()}); err != nil {
			t.Fatal(err)
		}
		w.until("the slot is free again", 10*time.Second, w.finished(1))
	})
}

func TestSilentSessionEndsOnce(t *testing.T) {
	inWorld(t, 2, 1, func(t *testing.T, w *world) {
		dead := false
		w.network.lose = func(from, to messages.NodeID, m *messages.ActorEnvelope) bool {
			return dead && (from == "node-b" || to == "node-b")
		}
		w.place("c1", map[messages.NodeID]int32{"node-b": 1})
		id := w.partition.run("hang once", 1)[0]
		w.until("it runs on b", time.Second, func() bool { return len(w.workers["node-b"].runs()) == 1 })
		w.network.set(func() { dead = true })
		began := time.Now()
		w.place("c1", map[messages.NodeID]int32{"node-b": 1, lead1: 1})
		w.until("it finishes on a", 10*time.Second, w.finished(1))
		if waited := time.Since(began); waited < 2*time.Second || waited > 4*time.Second {
			t.Errorf("its session ended after %v", waited)
		}
		time.Sleep(10 * time.Second)
		if ends := commands[*messages.EndSession](w.partition); len(ends) != 1 {
			t.Errorf("the session ended %d times", len(ends))
		}
		if got := w.partition.call(id).attempt; got != 2 {
			t.Errorf("%d attempts", got)
		}
	})
}

func TestSessionLastsWhileItIsKeptAlive(t *testing.T) {
	inWorld(t, 2, 1, func(t *testing.T, w *world) {
		w.place("c1", map[messages.NodeID]int32{"node-b": 1})
		w.partition.run("60s", 1)
		w.until("it finishes", 2*time.Minute, w.finished(1))
		if ends := commands[*messages.EndSession](w.partition); len(ends) != 0 {
			t.Errorf("a session with keep-alives ended: %v", ends)
		}
	})
}

func TestNodeThatIsGoneLosesItsSessionAtOnce(t *testing.T) {
	inWorld(t, 2, 1, func(t *testing.T, w *world) {
		w.place("c1", map[messages.NodeID]int32{"node-b": 1})
		w.partition.run("hang", 1)
		w.until("it runs", time.Second, func() bool { return len(w.workers["node-b"].runs()) == 1 })
		w.leader.NodeGone("node-b", testBoot)
		w.until("its session ends", 100*time.Millisecond, func() bool { return len(commands[*messages.EndSession](w.partition)) == 1 })
	})
}

func TestSessionOfAnEarlierStartEndsAtOnce(t *testing.T) {
	inWorld(t, 2, 1, func(t *testing.T, w *world) {
		w.place("c1", map[messages.NodeID]int32{"node-b": 1})
		w.partition.run("hang", 1)
		w.until("it runs", time.Second, func() bool { return len(w.workers["node-b"].runs()) == 1 })
		w.leader.NodeGone("node-b", testBoot-1)
		time.Sleep(5 * time.Second)
		if ends := commands[*messages.EndSession](w.partition); len(ends) != 0 {
			t.Fatalf("the session of the start that lives ended: %v", ends)
		}
		w.leader.NodeGone("node-b", testBoot)
		w.until("it ends with its start", 100*time.Millisecond, func() bool { return len(commands[*messages.EndSession](w.partition)) == 1 })
	})
}

func TestAgentThatLostItsSessionBeginsAnother(t *testing.T) {
	inWorld(t, 2, 1, func(t *testing.T, w *world) {
		w.place("c1", map[messages.NodeID]int32{"node-b": 1})
		id := w.partition.run("hang once", 1)[0]
		w.until("it runs", time.Second, func() bool { return len(w.workers["node-b"].runs()) == 1 })
		old := w.partition.Sessions()[0]
		w.leader.NodeGone("node-b", testBoot) // a false alarm
		w.until("it is tried again in a new session", 10*time.Second, w.finished(1))
		if now := w.partition.Sessions(); len(now) != 1 || now[0] == old {
			t.Errorf("sessions %v after %s", now, old)
		}
		if got := w.partition.call(id).attempt; got != 2 {
			t.Errorf("%d attempts", got)
		}
		if alive, _ := w.workers["node-b"].count(); alive != 1 {
			t.Errorf("%d workers alive on one CPU", alive)
		}
	})
}

func TestNewLeaderGivesSessionsAFullTimeout(t *testing.T) {
	inWorld(t, 2, 1, func(t *testing.T, w *world) {
		mute := false
		w.network.lose = func(_, _ messages.NodeID, m *messages.ActorEnvelope) bool {
			return mute && m.Type == "flow.v1.KeepAlive"
		}
		w.place("c1", map[messages.NodeID]int32{"node-b": 1})
		w.partition.run("hang", 1)
		w.until("it runs", time.Second, func() bool { return len(w.workers["node-b"].runs()) == 1 })
		time.Sleep(3 * time.Second)
		w.network.set(func() { mute = true })
		time.Sleep(2 * time.Second)
		w.leader.Following()
		time.Sleep(10 * time.Second)
		if len(commands[*messages.EndSession](w.partition)) != 0 {
			t.Fatal("a follower ended a session")
		}
		began := time.Now()
		w.leader.Leading(2)
		w.until("it ends", 5*time.Second, func() bool { return len(commands[*messages.EndSession](w.partition)) == 1 })
		if waited := time.Since(began); waited < sessionTimeout {
			t.Errorf("the new leader waited %v", waited)
		}
	})
}

func TestNewLeaderSendsWhatIsPending(t *testing.T) {
	inWorld(t, 2, 1, func(t *testing.T, w *world) {
		w.place("c1", map[messages.NodeID]int32{"node-b": 1})
		w.until("the slot is granted", time.Second, func() bool { return w.partition.credits("c1") == 1 })
		w.leader.Following()
		w.partition.run("1ms", 1) // its effects are another leader's
		time.Sleep(time.Second / 2)
		if w.finished(1)() {
			t.Fatal("a follower carried out an effect")
		}
		w.leader.Leading(2)
		w.until("the call finishes", time.Second, w.finished(1))
	})
}

func TestPanicsOnTheLeaderLoseNoLease(t *testing.T) {
	inWorld(t, 2, 2, func(t *testing.T, w *world) {
		w.place("c1", map[messages.NodeID]int32{"node-b": 2})
		w.partition.run("10ms", 100)
		for range 5 {
			time.Sleep(50 * time.Millisecond)
			if _, err := w.system.Ask(lead1, PartitionName(1), &messages.Panic{Reason: "for show"}, time.Second); err == nil {
				t.Error("it did not panic")
			}
		}
		w.until("all calls finish", 10*time.Second, w.finished(100))
	})
}

func TestTimersTick(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		due := time.Now().Add(time.Minute)
		w.partition.mu.Lock()
		w.partition.timers = []int64{due.UnixMicro()}
		w.partition.mu.Unlock()
		w.partition.run("1ms", 1) // something is applied
		time.Sleep(59 * time.Second)
		if n := len(commands[*messages.Tick](w.partition)); n != 0 {
			t.Fatalf("%d ticks before the time", n)
		}
		w.until("it ticks", 2*time.Second, func() bool { return len(commands[*messages.Tick](w.partition)) == 1 })
		if late := time.Since(due); late < 0 || late > 50*time.Millisecond {
			t.Errorf("it ticked %v after it was due", late)
		}
		time.Sleep(time.Hour)
		if n := len(commands[*messages.Tick](w.partition)); n != 1 {
			t.Errorf("%d ticks for one timer", n)
		}
	})
}

func TestIdleCursorsEnd(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		for n := 1; n <= 3; n++ {
			w.partition.run("1ms", 1)
			w.until("the call finishes", time.Second, w.finished(n))
			if children(w) != 1 {
				t.Errorf("%d cursors for a busy socket", children(w))
			}
			time.Sleep(3 * cursorIdle)
			if children(w) != 0 {
				t.Errorf("%d cursors for an idle socket", children(w))
			}
		}
	})
}

// TestCursorsOfManySocketsAreBounded: those of sockets without calls do not stay
// until they have been idle for long, when there are many.
func TestCursorsOfManySocketsAreBounded(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		const sockets = 2 * maxQuiet
		for i := range sockets {
			w.partition.run(fmt.Sprintf("%dus", i+1), 1)
		}
		w.until("all calls finish", cursorIdle/2, w.finished(sockets))
		w.until("most cursors end", 3*keepAliveEvery, func() bool { return children(w) <= maxQuiet })
		if children(w) == 0 {
			t.Error("all cursors have ended")
		}
		w.partition.run("7ms", 1)
		w.until("one more call finishes", time.Second, w.finished(sockets+1))
	})
}

// children counts the actors below the partition's.
func children(w *world) (n int) {
	for _, shard := range w.system.actors.ProcessRegistry.LocalPIDs.LocalPIDs {
		for _, name := range shard.Keys() {
			if len(name) > len(PartitionName(1)) && name[:len(PartitionName(1))] == PartitionName(1) {
				n++
			}
		}
	}
	return n
}

func TestCallWaitsForItsEnd(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		m := &messages.Enqueue{Id: messages.NewCallID("x", 1, 0).Bytes(), Socket: "30ms"}
		for range 2 { // the second time it has ended before
			answer, err := w.leader.Call(t.Context(), m)
			if err != nil || answer.Index == 0 || answer.Call.State != messages.CallState_FINISHED || len(answer.Call.Result) == 0 {
				t.Fatalf("got %v, %v", answer, err)
			}
		}
		call, err := w.leader.Await(t.Context(), messages.CallIDFrom(m.Id))
		if err != nil || call.State != messages.CallState_FINISHED {
			t.Errorf("awaited %v, %v", call, err)
		}
		if _, err := w.leader.Await(t.Context(), messages.NewCallID("y", 1, 0)); !errors.Is(err, messages.NotFound) {
			t.Errorf("a call that does not exist: %v", err)
		}
		if n := waiting(w.leader); n != 0 {
			t.Errorf("%d waiters are left", n)
		}
	})
}

// TestWhoWaitsForADroppedCallIsTold: nothing more comes of such a call, so that
// whoever waited for it would wait for ever.
func TestWhoWaitsForADroppedCallIsTold(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		m := &messages.Enqueue{Id: messages.NewCallID("x", 1, 0).Bytes(), Socket: "30ms"}
		if _, err := w.leader.Call(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		id := messages.CallIDFrom(m.Id)
		w.partition.set(func() { w.partition.calls[id].dropped = true })
		if call, err := w.leader.Call(t.Context(), m); !errors.Is(err, messages.Gone) {
			t.Errorf("sent again: %v, %v", call, err)
		}
		if call, err := w.leader.Await(t.Context(), id); !errors.Is(err, messages.Gone) {
			t.Errorf("awaited: %v, %v", call, err)
		}
		if calls, err := w.leader.AwaitSome(t.Context(), &messages.AwaitSomeRequest{First: m.Id, Count: 1}); !errors.Is(err, messages.Gone) {
			t.Errorf("awaited as a batch: %v, %v", calls, err)
		}
		if n := waiting(w.leader); n != 0 {
			t.Errorf("%d waiters are left", n)
		}
	})
}

func TestWaitersEndWithTheirContextOrTheLead(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		id := w.partition.run("1ms", 1)[0] // no slot: it waits
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.leader.Await(ctx, id); !errors.Is(err, messages.Deadline) {
			t.Errorf("at the deadline: %v", err)
		}
		var wait sync.WaitGroup
		for range 10 {
			wait.Go(func() {
				if _, err := w.leader.Await(t.Context(), id); !errors.Is(err, messages.NotLeader) {
					t.Errorf("when the lead was lost: %v", err)
				}
			})
		}
		synctest.Wait()
		w.leader.Following()
		wait.Wait()
		if _, err := w.leader.Await(t.Context(), id); !errors.Is(err, messages.NotLeader) {
			t.Errorf("on a follower: %v", err)
		}
		w.leader.Leading(2)
		w.place("c1", on(1))
		if call, err := w.leader.Await(t.Context(), id); err != nil || call.State != messages.CallState_FINISHED {
			t.Errorf("at the next leader: %v, %v", call, err)
		}
		if n := waiting(w.leader); n != 0 {
			t.Errorf("%d waiters are left", n)
		}
	})
}

func TestResultsOfABatchComeAsTheyEnd(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		first := messages.NewCallID("batch", 1, 0)
		for i := range 3 {
			w.partition.set(func() {
				w.partition.apply(&messages.Enqueue{Id: first.At(i).Bytes(), Socket: []string{"1ms", "2ms", "30ms"}[i]})
			})
		}
		q := &messages.AwaitSomeRequest{First: first.Bytes(), Count: 3}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.leader.AwaitSome(ctx, q); !errors.Is(err, messages.Deadline) {
			t.Errorf("nothing runs, and %v", err)
		}
		w.place("c1", on(1))
		for q.Known = nil; len(q.Known) == 0 || q.Known[0] != 0b111; {
			calls, err := w.leader.AwaitSome(t.Context(), q)
			if err != nil || len(calls) == 0 || len(calls) == 3 {
				t.Fatalf("%d calls, %v; the third takes much longer than the others", len(calls), err)
			}
			for _, c := range calls {
				i := messages.CallIDFrom(c.Id).Index()
				if messages.Known(q.Known).Has(i) || c.State != messages.CallState_FINISHED {
					t.Errorf("call %d is told again, or %v", i, c)
				}
				q.Known = messages.Known(q.Known).With(i)
			}
		}
		if _, err := w.leader.AwaitSome(t.Context(), q); !errors.Is(err, messages.Invalid) {
			t.Errorf("all is known, and %v", err)
		}
		q = &messages.AwaitSomeRequest{First: first.Bytes(), Count: 4}
		if _, err := w.leader.AwaitSome(t.Context(), q); !errors.Is(err, messages.NotFound) {
			t.Errorf("a batch that is not there: %v", err)
		}
		if n := waiting(w.leader); n != 0 {
			t.Errorf("%d waiters are left", n)
		}
	})
}

// TestResultsThatEndedUnheardComeTogether fetches a batch of which calls have
// ended while nobody waited. They come without a look at the state, which is asked
// for what ended before: of that there is more than is remembered.
func TestResultsThatEndedUnheardComeTogether(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		const count = maxLately + 500
		first := messages.NewCallID("batch", 1, 0)
		w.partition.set(func() {
			for i := range count {
				w.partition.apply(&messages.Enqueue{Id: first.At(i).Bytes(), Socket: "1ms"})
			}
		})
		w.place("c1", on(4))
		time.Sleep(count * time.Millisecond) // of the test's own clock
		synctest.Wait()
		w.leader.waiters.mu.Lock()
		remembered := len(w.leader.waiters.lately.calls)
		w.leader.waiters.mu.Unlock()
		if remembered != maxLately {
			t.Errorf("%d calls are remembered that ended lately, of %d", remembered, count)
		}
		q := &messages.AwaitSomeRequest{First: first.Bytes(), Count: count}
		for had := 0; had < count; {
			calls, err := w.leader.AwaitSome(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range calls {
				i := messages.CallIDFrom(c.Id).Index()
				if messages.Known(q.Known).Has(i) || c.State != messages.CallState_FINISHED {
					t.Errorf("call %d is told again, or %v", i, c)
				}
				q.Known = messages.Known(q.Known).With(i)
			}
			had += len(calls)
		}
	})
}

func TestThoseWhoWaitForABatchAreSentToTheNextLeader(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		first := messages.NewCallID("batch", 1, 0)
		w.partition.set(func() {
			for i := range 20 {
				w.partition.apply(&messages.Enqueue{Id: first.At(i).Bytes(), Socket: "1ms"})
			}
		})
		var wait sync.WaitGroup
		wait.Go(func() {
			calls, err := w.leader.AwaitSome(t.Context(), &messages.AwaitSomeRequest{First: first.Bytes(), Count: 20})
			if !errors.Is(err, messages.NotLeader) {
				t.Errorf("when the lead was lost: %v, %v", calls, err)
			}
		})
		synctest.Wait()
		w.leader.Following()
		wait.Wait()
		if n := waiting(w.leader); n != 0 {
			t.Errorf("%d waiters are left", n)
		}
	})
}

func waiting(p *Partition) int {
	p.waiters.mu.Lock()
	defer p.waiters.mu.Unlock()
	return p.waiters.count + len(p.waiters.byCall)
}

func TestWaitersAreBounded(t *testing.T) {
	w := waiters{leading: true, count: MaxWaiters, byCall: map[messages.CallID][]listener{}}
	if _, err := w.register("run", messages.CallID{1}); !errors.Is(err, messages.Exhausted) {
		t.Errorf("one too many: %v", err)
	}
}

func TestManyCallersAllGetTheirAnswers(t *testing.T) {
	inWorld(t, 2, 2, func(t *testing.T, w *world) {
		w.place("c1", map[messages.NodeID]int32{lead1: 2, "node-b": 2})
		var wait sync.WaitGroup
		for caller := range 64 {
			wait.Go(func() {
				for i := range 20 {
					id := messages.NewCallID(string(rune('A'+caller))+string(rune('a'+i)), 1, 0)
					answer, err := w.leader.Call(t.Context(), &messages.Enqueue{Id: id.Bytes(), Socket: "100us"})
					if call := answer.GetCall(); err != nil || messages.CallIDFrom(call.GetId()) != id || call.State != messages.CallState_FINISHED {
						t.Errorf("call %v: %v, %v", id, call, err)
					}
				}
			})
		}
		wait.Wait()
		for _, c := range w.partition.calls {
			if !slices.Contains(c.outcomes, ok) {
				t.Errorf("call %v ended %v", c.id, c.outcomes)
			}
		}
	})
}
