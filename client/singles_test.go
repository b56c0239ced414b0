package client_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

const (
	most = 1024 // connections that carry one request at a time
	more = 128  // requests than those
)

// TestRequestsTakeTurnsOnConnectionsOfTheirOwn and go over HTTP/2 when all are in use.
func TestRequestsTakeTurnsOnConnectionsOfTheirOwn(t *testing.T) {
	n := newNetwork()
	a := start(t, n)
	c := connectTo(t, client.Options{Apart: true}, a)
	callMany(t, c, 1, 20)
	if connections, requests := a.cameApart(); connections != 1 || requests != 20 {
		t.Errorf("%d requests one after the other took %d connections, want 20 and 1", requests, connections)
	}

	var wait sync.WaitGroup
	all := make(chan struct{})
	there := sync.OnceFunc(func() { close(all) })
	a.before = func(ctx context.Context, _ *messages.RunRequest) error {
		if calls, _ := n.counts(); calls == 20+most+more {
			there()
		}
		<-all
		return nil
	}
	for range most + more {
		wait.Go(func() {
			if _, err := c.Run(within(t, 20*time.Second), "echo", 1); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if connections, requests := a.cameApart(); connections != most || requests != 20+most {
		t.Errorf("%d requests at once: %d of them went over %d connections, want %d over as many", most+more, requests-20, connections, most)
	}
}

// TestLargeRequestsGoOverHTTP2, where one does not have to be written before anything
// of its answer is read.
func TestLargeRequestsGoOverHTTP2(t *testing.T) {
	a := start(t, newNetwork())
	c := connectTo(t, client.Options{Apart: true}, a)
	for _, size := range []int{100 << 10, 20 << 10} {
		text := strings.Repeat("x", size)
		call, err := c.Run(within(t, 10*time.Second), "echo", text)
		if err != nil || call.GetResult() != `"`+text+`"` {
			t.Errorf("%d bytes came back as %d, %v", size, len(call.GetResult()), err)
		}
	}
	if _, requests := a.cameApart(); requests != 0 {
		t.Errorf("%d of them went over HTTP/1.1", requests)
	}
}

func TestANodeThatSpeaksHTTP2AloneIsUnderstood(t *testing.T) {
	n := newNetwork()
	n.foreign = true
	c := connectTo(t, client.Options{Apart: true, Patience: time.Nanosecond}, start(t, n))
	callMany(t, c, 8, 20)
	if calls, requests := n.counts(); calls != 160 || requests != 160 {
		t.Errorf("%d calls of %d requests, want 160 of each", calls, requests)
	}
}

// TestConnectionsThatTheNodeHasClosedAreNoTrouble: it was started anew meanwhile.
func TestConnectionsThatTheNodeHasClosedAreNoTrouble(t *testing.T) {
	n := newNetwork()
	a := start(t, n)
	c := connectTo(t, client.Options{Apart: true, Patience: time.Nanosecond}, a)
	callMany(t, c, 8, 5)
	a.kill()
	again, err := serveAt(n, a.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.kill)
	callMany(t, c, 8, 5)
	if calls, requests := n.counts(); calls != 80 || requests != 80 {
		t.Errorf("%d requests of %d calls, want 80 of each", requests, calls)
	}
}

// TestANodeHearsWhenNobodyWaitsAnyMore, and whoever waited does not wait for it.
func TestANodeHearsWhenNobodyWaitsAnyMore(t *testing.T) {
	a := start(t, newNetwork())
	came, heard := make(chan struct{}), make(chan struct{})
	a.before = func(ctx context.Context, _ *messages.RunRequest) error {
		close(came)
		<-ctx.Done()
		close(heard)
		return ctx.Err()
	}
	c := connectTo(t, client.Options{Apart: true}, a)
	ctx, cancel := context.WithCancel(within(t, 10*time.Second))
	go func() { <-came; cancel() }()
	if _, err := c.Run(ctx, "echo", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("the call ended with %v", err)
	}
	select {
	case <-heard:
	case <-within(t, 10*time.Second).Done():
		t.Error("the node goes on with it")
	}
	if _, requests := a.cameApart(); requests != 1 {
		t.Errorf("%d requests went over HTTP/1.1, want 1", requests)
	}
}
