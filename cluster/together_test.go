package cluster

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/elasticcode/flow/messages"
)

// TestCallsTogetherEndWhileLeadersChange: from any node, each is told once, and as
// it ends.
func TestCallsTogetherEndWhileLeadersChange(t *testing.T) {
	w := newWorld(t, 3, 1) // n3 holds no replica
	ctx := within(t, 10*time.Second)
	const each = 20
	var all sync.WaitGroup
	stop := w.changeLeaders(func(n int) {
		for i := range 4 * each {
			w.ended[togetherID(i)] = n > 20 // only after some changes
		}
	})
	for node := range 4 {
		all.Go(func() {
			var enqueues []*messages.Enqueue
			for i := range each {
				enqueues = append(enqueues, &messages.Enqueue{Id: togetherID(node*each + i).Bytes()})
			}
			var mu sync.Mutex
			times := map[int]int{}
			w.nodes[messages.NodeID(fmt.Sprintf("n%d", node))].router.Calls(ctx, enqueues, func(i int, answer *messages.CallResponse, err error) {
				mu.Lock()
				defer mu.Unlock()
				times[i]++
				if err != nil || messages.CallIDFrom(answer.GetCall().GetId()) != togetherID(node*each+i) || answer.GetIndex() == 0 {
					t.Errorf("call %d of n%d came back as %v, %v", i, node, answer, err)
				}
			})
			for i := range each {
				if times[i] != 1 {
					t.Errorf("call %d of n%d was told %d times", i, node, times[i])
				}
			}
		})
	}
	all.Wait()
	stop()
}

func togetherID(i int) messages.CallID {
	return messages.NewCallID(fmt.Sprintf("together/%d", i), 1, 0)
}

func TestRefusedCallsTogetherAreNotTriedAgain(t *testing.T) {
	w := newWorld(t, 1, 1) // n1 hands them to n0
	w.reply = &messages.Reply{Error: messages.Errorf(messages.Exhausted, "enqueue to socket", "s", "the mailbox is full").Info()}
	w.nodes["n1"].router.leaders.set(1, "n0")
	enqueues := []*messages.Enqueue{{Id: togetherID(1).Bytes()}, {Id: togetherID(2).Bytes()}}
	for _, from := range []messages.NodeID{"n0", "n1"} {
		before := len(w.bodies())
		var mu sync.Mutex
		w.nodes[from].router.Calls(within(t, 5*time.Second), enqueues, func(_ int, answer *messages.CallResponse, err error) {
			mu.Lock()
			defer mu.Unlock()
			if !errors.Is(err, messages.Exhausted) || answer.GetIndex() != 0 {
				t.Errorf("%s: refused with %v, %v", from, answer, err)
			}
		})
		if n := len(w.bodies()) - before; n != len(enqueues) {
			t.Errorf("%s: %d entries for %d calls", from, n, len(enqueues))
		}
	}
}

// TestCallsHandedOverEndWithTheirContext: whoever asked is told in the words that a call
// by itself is told.
func TestCallsHandedOverEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1)
		w.nodes["n1"].router.leaders.set(1, "n0")
		enqueues := []*messages.Enqueue{{Id: togetherID(1).Bytes()}, {Id: togetherID(2).Bytes()}}
		var told atomic.Int32
		w.nodes["n1"].router.Calls(within(t, 2*waitLimit), enqueues, func(_ int, _ *messages.CallResponse, err error) {
			told.Add(1)
			if !errors.Is(err, messages.Deadline) || !strings.Contains(err.Error(), "no answer in time") {
				t.Errorf("told %v", err)
			}
		})
		if int(told.Load()) != len(enqueues) || len(w.bodies()) <= len(enqueues) {
			t.Errorf("%d were told, after %d entries; a wait at one node ends sooner", told.Load(), len(w.bodies()))
		}
	})
}

// TestALeaderThatFailedIsNotAskedAgainFirst: of those that come back from it, each
// would wait for it once more.
func TestALeaderThatFailedIsNotAskedAgainFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, 1)
		w.set(func() { w.stuck = "n1"; w.ended[togetherID(1)], w.ended[togetherID(2)] = true, true })
		w.nodes["n2"].router.leaders.set(1, "n1")
		enqueues := []*messages.Enqueue{{Id: togetherID(1).Bytes()}, {Id: togetherID(2).Bytes()}}
		began := time.Now()
		w.nodes["n2"].router.Calls(within(t, 10*waitLimit), enqueues, func(_ int, answer *messages.CallResponse, err error) {
			if err != nil || answer.GetCall() == nil {
				t.Errorf("told %v, %v", answer, err)
			}
		})
		if took := time.Since(began); took >= 2*waitLimit {
			t.Errorf("it took %v: the node that does not answer was asked again", took)
		}
	})
}
