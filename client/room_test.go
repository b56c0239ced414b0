package client_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

const fullFor = 150 * time.Millisecond

// full refuses the first requests because of a bound, and keeps when each came.
func full(s *node, times int32) (asked *atomic.Int32, came *[]time.Time) {
	asked, came = new(atomic.Int32), new([]time.Time)
	s.refuse = func() error {
		*came = append(*came, time.Now())
		if asked.Add(1) > times {
			return nil
		}
		e := messages.Errorf(messages.Exhausted, "run", "", "this node answers enough requests already")
		e.RetryAfter = fullFor
		return e
	}
	return asked, came
}

func TestARequestThatWaitsForRoomComesBackWhenItIsTold(t *testing.T) {
	a := start(t, newNetwork())
	asked, came := full(a, 2)
	c := connectTo(t, client.Options{Patience: time.Millisecond}, a) // which is for trouble, not for a bound
	data := "1"
	if _, err := c.Call(within(t, 10*time.Second), &messages.RunRequest{Socket: "echo", Data: &data, WaitFull: true}); err != nil || asked.Load() != 3 {
		t.Fatalf("after %d requests: %v, want an answer to the third", asked.Load(), err)
	}
	for i := 1; i < len(*came); i++ {
		if pause := (*came)[i].Sub((*came)[i-1]); pause < fullFor {
			t.Errorf("try %d came %v after the one before it, and not before %v was asked for", i, pause, fullFor)
		}
	}
}

func TestARequestThatWaitsForRoomHasItsOwnLimit(t *testing.T) {
	a := start(t, newNetwork())
	_, _ = full(a, 1<<30)
	c := connectTo(t, client.Options{}, a)
	data := "1"
	begun := time.Now()
	_, err := c.Call(within(t, 10*time.Second), &messages.RunRequest{Socket: "echo", Data: &data, WaitFull: true, Timeout: 300})
	if !errors.Is(err, messages.Exhausted) {
		t.Errorf("%v, want the refusal", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("a request that waits for 300 ms at most took %v", took)
	}
}

func TestARequestOfAStreamWaitsForRoom(t *testing.T) {
	a := start(t, newNetwork())
	asked, came := full(a, 5) // more often than a stream bears trouble
	c := connectTo(t, client.Options{}, a)
	s := c.Stream(within(t, 10*time.Second))
	defer s.Close()
	data := "1"
	if _, err := s.Send(&messages.RunRequest{Socket: "echo", Data: &data, WaitFull: true}); err != nil {
		t.Fatal(err)
	}
	answer, err := s.Receive()
	if err != nil || answer.Err != nil || asked.Load() != 6 {
		t.Fatalf("after %d requests: %v, %v, want an answer to the sixth", asked.Load(), err, answer.Err)
	}
	if took := (*came)[5].Sub((*came)[0]); took < 5*fullFor {
		t.Errorf("five refusals took %v, and each asked for %v", took, fullFor)
	}
}
