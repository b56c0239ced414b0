package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/cluster/peer"
	"github.com/elasticcode/flow/messages"
)

// TestEachOfTheCallsHandedOverHasItsOwnAnswer: one ends, one is given up, one cannot be
// read, and one is of another partition.
func TestEachOfTheCallsHandedOverHasItsOwnAnswer(t *testing.T) {
	w := newWorld(t, 2, 0)
	ends, waits, other := messages.NewCallID("ends", 1, 0), messages.NewCallID("waits", 1, 0), messages.NewCallID("other", 2, 0)
	w.ended[ends] = true
	w.ended[other] = true
	var bodies [][]byte
	for _, id := range []messages.CallID{ends, other, waits} {
		body, err := proto.Marshal(&messages.CallRequest{Enqueue: &messages.Enqueue{Id: id.Bytes()}})
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	bodies = append(bodies, []byte{0xff})
	answers := make(chan string, len(bodies))
	asked := peer.NewAsked(bodies, func(i int, m proto.Message, err error) {
		switch i {
		case 0, 1:
			if err != nil || m.(*messages.CallResponse).GetIndex() == 0 {
				t.Errorf("call %d: %v, %v", i, m, err)
			}
		case 2:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the one that is given up: %v", err)
			}
		case 3:
			if !errors.Is(err, messages.Invalid) {
				t.Errorf("the one that cannot be read: %v", err)
			}
		}
		answers <- fmt.Sprint(i)
	})
	var handler sync.WaitGroup
	handler.Go(func() { w.nodes["n0"].router.callsHere(within(t, 10*time.Second), "n1", asked) })
	for range 3 {
		<-answers
	}
	asked.Gone(2)
	if last := <-answers; last != "2" {
		t.Errorf("call %s was answered last", last)
	}
	handler.Wait()
}

func TestCallsHandedToANodeThatDoesNotLeadAreToldWhoDoes(t *testing.T) {
	w := newWorld(t, 2, 0)
	w.lead("n1")
	n := 0
	w.nodes["n1"].Requests(within(t, 10*time.Second), "n0", kindCall, [][]byte{nil, nil}, func(_ int, _ []byte, err error) {
		n++
		if leaderIn(err) != "n1" {
			t.Errorf("it was told %v", err)
		}
	})
	if n != 2 || len(w.bodies()) != 0 {
		t.Errorf("%d answers, %d entries", n, len(w.bodies()))
	}
}
