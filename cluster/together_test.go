package cluster

import (
	"errors"
	"fmt"
	"sync"
	"testing"
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
	w := newWorld(t, 1, 0)
	w.reply = &messages.Reply{Error: messages.Errorf(messages.Exhausted, "enqueue to socket", "s", "the mailbox is full").Info()}
	enqueues := []*messages.Enqueue{{Id: togetherID(1).Bytes()}, {Id: togetherID(2).Bytes()}}
	var mu sync.Mutex
	w.nodes["n0"].router.Calls(within(t, 5*time.Second), enqueues, func(_ int, answer *messages.CallResponse, err error) {
		mu.Lock()
		defer mu.Unlock()
		if !errors.Is(err, messages.Exhausted) || answer.GetIndex() != 0 {
			t.Errorf("refused with %v, %v", answer, err)
		}
	})
	if n := len(w.bodies()); n != len(enqueues) {
		t.Errorf("%d entries for %d calls", n, len(enqueues))
	}
}
