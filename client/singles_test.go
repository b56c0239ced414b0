package client_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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

// TestRequestsGoOverHTTP2WhenNoMoreFilesMayBeOpened: a process may have less room than a
// connection of its own for each request takes, and has one to the node.
func TestRequestsGoOverHTTP2WhenNoMoreFilesMayBeOpened(t *testing.T) {
	const room, atOnce = 4, 16
	var dialled atomic.Int32
	o := client.Options{Apart: true, Connections: 1, Patience: time.Nanosecond}
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dialled.Add(1) > room {
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("socket", syscall.EMFILE)}
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	n := newNetwork()
	a := start(t, n)
	c := connectTo(t, o, a)
	if _, err := c.Run(within(t, 10*time.Second), "echo", strings.Repeat("x", 20<<10)); err != nil {
		t.Fatal(err) // over HTTP/2, to which one file has gone now
	}
	all := make(chan struct{})
	there := sync.OnceFunc(func() { close(all) })
	a.before = func(ctx context.Context, _ *messages.RunRequest) error {
		if calls, _ := n.counts(); calls == 1+atOnce {
			there()
		}
		select {
		case <-all:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	callMany(t, c, atOnce, 1)
	if connections, requests := a.cameApart(); connections != room-1 || requests != room-1 {
		t.Errorf("%d of %d requests went over %d connections of HTTP/1.1, want %d over as many", requests, atOnce, connections, room-1)
	}
	callMany(t, c, 1, 5)
	if _, requests := a.cameApart(); requests != room-1+5 {
		t.Errorf("%d requests went over HTTP/1.1, want %d: those that are open are used still", requests, room-1+5)
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
