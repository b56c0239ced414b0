package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

// TestPanicOfOnePartitionsCallsIsThatOfTheHandler: it may come on any goroutine of it,
// and only on the handler's own does it fail what was asked, rather than the node.
func TestPanicOfOnePartitionsCallsIsThatOfTheHandler(t *testing.T) {
	w := newWorld(t, 1, 0)
	w.broken = 1
	broken, ends := messages.NewCallID("broken", 1, 0), messages.NewCallID("ends", 2, 0)
	w.ended[ends] = true
	var bodies [][]byte
	for _, id := range []messages.CallID{broken, ends} {
		body, err := proto.Marshal(&messages.CallRequest{Enqueue: &messages.Enqueue{Id: id.Bytes()}})
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	var answered []int
	asked := peer.NewAsked(bodies, func(i int, _ proto.Message, _ error) { answered = append(answered, i) })
	defer func() {
		if p := recover(); p == nil || len(answered) != 1 || answered[0] != 1 {
			t.Errorf("the handler panics with %v, and has answered %v", p, answered)
		}
	}()
	w.nodes["n0"].router.callsHere(within(t, 10*time.Second), "n1", asked)
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

// TestCallsThatTheLogDoesNotTakeAreLeftOnceNobodyWaits: they hold places that others need.
func TestCallsThatTheLogDoesNotTakeAreLeftOnceNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 0)
		w.still = true
		var bodies [][]byte
		for i, partition := range []messages.GroupID{1, 2, 1} {
			body, err := proto.Marshal(&messages.CallRequest{Enqueue: &messages.Enqueue{Id: messages.NewCallID(fmt.Sprint(i), partition, 0).Bytes()}})
			if err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, body)
		}
		var answered atomic.Int32
		asked := peer.NewAsked(bodies, func(int, proto.Message, error) { answered.Add(1) })
		ctx := within(t, time.Hour)
		var handler sync.WaitGroup
		handler.Go(func() { w.nodes["n0"].router.callsHere(ctx, "n1", asked) })
		synctest.Wait()
		for i, want := range []int32{0, 1, 3} { // with the last of its partition each is left
			asked.Gone(i)
			synctest.Wait()
			if n := answered.Load(); n != want {
				t.Errorf("when %d were given up, %d had been left, want %d", i+1, n, want)
			}
		}
		handler.Wait()
		if ctx.Err() != nil {
			t.Error("they were left with their connection")
		}
	})
}
