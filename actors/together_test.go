package actors

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// told collects what Calls tells.
type told struct {
	mu      sync.Mutex
	times   []int
	answers []*messages.CallResponse
	errs    []error
}

func (g *told) by(i int, answer *messages.CallResponse, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.times[i]++
	g.answers[i], g.errs[i] = answer, err
}

// callAll sends a call to each socket, with its place as the key.
func callAll(ctx context.Context, t *testing.T, w *world, sockets ...string) *told {
	t.Helper()
	g := &told{times: make([]int, len(sockets)), answers: make([]*messages.CallResponse, len(sockets)), errs: make([]error, len(sockets))}
	var all []*messages.Enqueue
	for i, socket := range sockets {
		all = append(all, &messages.Enqueue{Id: messages.NewCallID(string(rune('a'+i)), 1, 0).Bytes(), Socket: socket})
	}
	w.leader.Calls(ctx, all, nil, g.by)
	for i, n := range g.times {
		if n != 1 {
			t.Errorf("call %d was told %d times", i, n)
		}
	}
	if n := waiting(w.leader); n != 0 {
		t.Errorf("%d waiters are left", n)
	}
	return g
}

func TestCallsTogetherEachHaveTheirEnd(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(2))
		w.partition.refuse = func(m proto.Message) error {
			if e, ok := m.(*messages.Enqueue); ok && e.Socket == "refused" {
				return messages.Errorf(messages.Exhausted, "enqueue", "c", "the mailbox is full")
			}
			return nil
		}
		for range 2 { // the second time they have ended before
			got := callAll(t.Context(), t, w, "30ms", "1ms", "refused", "2ms")
			for i, answer := range got.answers {
				switch {
				case i == 2:
					if !errors.Is(got.errs[i], messages.Exhausted) || answer != nil {
						t.Errorf("the one that is refused: %v, %v", answer, got.errs[i])
					}
				case got.errs[i] != nil || answer.Index == 0 || answer.Call.State != messages.CallState_FINISHED || messages.CallIDFrom(answer.Call.Id) != messages.NewCallID(string(rune('a'+i)), 1, 0):
					t.Errorf("call %d: %v, %v", i, answer, got.errs[i])
				}
			}
		}
		w.partition.set(func() { w.partition.calls[messages.NewCallID("b", 1, 0)].dropped = true })
		if got := callAll(t.Context(), t, w, "30ms", "1ms"); !errors.Is(got.errs[1], messages.Gone) || got.errs[0] != nil {
			t.Errorf("one was dropped: %v", got.errs)
		}
	})
}

func TestOneOfTheCallsTogetherIsGivenUp(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		g := &told{times: make([]int, 2), answers: make([]*messages.CallResponse, 2), errs: make([]error, 2)}
		all := []*messages.Enqueue{{Id: messages.NewCallID("a", 1, 0).Bytes(), Socket: "1ms"}, {Id: messages.NewCallID("b", 1, 0).Bytes(), Socket: "1ms"}}
		gone := make(chan int, 1)
		var wait sync.WaitGroup
		wait.Go(func() { w.leader.Calls(t.Context(), all, gone, g.by) }) // no slot: they wait
		synctest.Wait()
		gone <- 0
		synctest.Wait()
		if g.times[0] != 1 || !errors.Is(g.errs[0], messages.Deadline) || g.answers[0].GetIndex() == 0 || g.times[1] != 0 || w.leader.waiters.count != 1 {
			t.Errorf("when one is given up: %+v, %d wait", g, w.leader.waiters.count)
		}
		w.place("c1", on(1))
		wait.Wait()
		if g.times[0] != 1 || g.times[1] != 1 || g.errs[1] != nil || g.answers[1].GetCall() == nil {
			t.Errorf("when the other has ended: %+v", g)
		}
	})
}

func TestCallsTogetherEndWithTheirContextOrTheLead(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // no slot: they wait
		defer cancel()
		for i, err := range callAll(ctx, t, w, "1ms", "1ms").errs {
			if !errors.Is(err, messages.Deadline) {
				t.Errorf("call %d at the deadline: %v", i, err)
			}
		}
		var wait sync.WaitGroup
		wait.Go(func() {
			got := callAll(t.Context(), t, w, "1ms", "1ms")
			for i, err := range got.errs {
				if !errors.Is(err, messages.NotLeader) || got.answers[i].GetIndex() == 0 {
					t.Errorf("call %d when the lead was lost: %v, %v; want it known as accepted", i, got.answers[i], err)
				}
			}
		})
		synctest.Wait()
		w.leader.Following()
		wait.Wait()
		for i, err := range callAll(t.Context(), t, w, "1ms", "1ms").errs {
			if !errors.Is(err, messages.NotLeader) {
				t.Errorf("call %d on a follower: %v", i, err)
			}
		}
	})
}

// TestACallIsAcceptedWhileItIsGivenUp: then whoever asked hears that it was accepted.
func TestACallIsAcceptedWhileItIsGivenUp(t *testing.T) {
	for range 100 {
		var answer *messages.CallResponse
		g := &together{tell: func(_ int, a *messages.CallResponse, _ error) { answer = a }, all: make([]awaited, 1), done: make(chan struct{}), left: 1}
		a := &g.all[0]
		a.of = g
		begins := make(chan struct{})
		g.mu.Lock()
		go func() { close(begins); a.giveUp("run") }()
		<-begins
		for range 10 {
			runtime.Gosched() // it comes to the lock
		}
		a.accepted = &messages.CallResponse{Index: 7}
		g.mu.Unlock()
		<-g.done
		if answer.GetIndex() != 7 {
			t.Fatal("it was not told of")
		}
	}
}

// TestOfACallThatIsToldNothingIsKept: it may have a large result, and others that came
// with it may take for ever.
func TestOfACallThatIsToldNothingIsKept(t *testing.T) {
	g := &together{tell: func(int, *messages.CallResponse, error) {}, all: make([]awaited, 2), done: make(chan struct{}), left: 2}
	a := &g.all[0]
	a.of = g
	a.accept("run", &messages.CallResponse{Index: 1})
	a.tell(&messages.Call{Result: []byte(`1`)})
	if !a.told || a.end != nil || a.accepted != nil {
		t.Error("it keeps its end or its answer, or was not told")
	}
}
