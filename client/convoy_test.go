package client_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("it did not come about that %s", what)
		}
	}
}

// callMany has goroutines call one after the other, each call with a number of its
// own, and looks at each answer.
func callMany(t *testing.T, c *client.Client, callers, each int) {
	t.Helper()
	ctx := within(t, 20*time.Second)
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for i := range each {
				want := text(caller*each + i)
				call, err := c.Call(ctx, &messages.RunRequest{Socket: "echo", Positional: []string{want}})
				if err != nil || call.GetResult() != want {
					t.Errorf("call %s came back with %v, %v", want, call, err)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestCallsThatAreMadeTogetherShareAStream(t *testing.T) {
	n := newNetwork()
	a := start(t, n)
	c := connectTo(t, client.Options{}, a)
	callMany(t, c, 32, 50)
	if calls, requests := n.counts(); calls != 1600 || requests != 1600 {
		t.Errorf("%d calls of %d requests, want 1600 of each", calls, requests)
	}
	if alone := a.alone.Load(); alone > 160 {
		t.Errorf("%d of 1600 calls were requests of their own", alone)
	}
	c.Close()
	eventually(t, "Close ended the streams", func() bool { return a.streams.Load() == 0 })
	if _, err := c.Run(within(t, 10*time.Second), "echo", 1); err != nil || a.streams.Load() != 0 {
		t.Errorf("after Close: %v, and %d streams", err, a.streams.Load())
	}
}

func TestACallAloneIsARequestOfItsOwn(t *testing.T) {
	a := start(t, newNetwork())
	c := connectTo(t, client.Options{}, a)
	if _, err := c.Run(within(t, 10*time.Second), "echo", 1); err != nil || a.alone.Load() != 1 {
		t.Errorf("%v, and %d requests, want 1", err, a.alone.Load())
	}
	b := start(t, newNetwork())
	callMany(t, connectTo(t, client.Options{Apart: true}, b), 8, 10)
	if b.alone.Load() != 80 {
		t.Errorf("apart, %d of 80 calls were requests of their own", b.alone.Load())
	}
}

func TestCallsGoByThemselvesWhereNoStreamGetsThrough(t *testing.T) {
	a := start(t, newNetwork())
	a.streamless = true
	callMany(t, connectTo(t, client.Options{}, a), 8, 10)
	if a.alone.Load() != 80 {
		t.Errorf("%d of 80 calls were requests of their own", a.alone.Load())
	}
}

func TestCallsThatShareAStreamOutliveTheirNode(t *testing.T) {
	n := newNetwork()
	a, b := start(t, n), start(t, n)
	var ran atomic.Int32
	a.before = func(ctx context.Context, _ *messages.RunRequest) error {
		if ran.Add(1) == 200 {
			go a.kill()
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	callMany(t, connectTo(t, client.Options{}, a, b), 16, 50)
	if calls, requests := n.counts(); calls != 800 || requests <= 800 {
		t.Errorf("%d calls of %d requests; want 800, and more", calls, requests)
	}
}

// convoyOf begins calls that share a stream: the first, alone, warms it up, and the
// node holds the others until they are let go, or nobody waits for them.
func convoyOf(t *testing.T, a *node, c *client.Client, calls int) (cancel func(i int), ends []chan error, release func()) {
	t.Helper()
	if _, err := c.Run(within(t, 10*time.Second), "echo", "first"); err != nil {
		t.Fatal(err)
	}
	released := make(chan struct{})
	a.before = func(ctx context.Context, _ *messages.RunRequest) error {
		select {
		case <-released:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	cancels := make([]context.CancelFunc, calls)
	for i := range calls {
		ctx, cancel := context.WithCancel(within(t, 20*time.Second))
		end := make(chan error, 1)
		cancels[i], ends = cancel, append(ends, end)
		go func() {
			_, err := c.Run(ctx, "echo", i)
			end <- err
		}()
	}
	return func(i int) { cancels[i]() }, ends, sync.OnceFunc(func() { close(released) })
}

func TestACallerWhoGivesUpLeavesTheOthersTheirStream(t *testing.T) {
	a := start(t, newNetwork())
	c := connectTo(t, client.Options{Connections: 1}, a)
	cancel, ends, release := convoyOf(t, a, c, 2)
	defer release()
	eventually(t, "the calls have a stream", func() bool { return a.streams.Load() == 1 })
	cancel(0)
	if err := <-ends[0]; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	release()
	if err := <-ends[1]; err != nil {
		t.Errorf("who did not give up got %v", err)
	}
}

func TestANodeHearsThatAllHaveGivenUp(t *testing.T) {
	a := start(t, newNetwork())
	c := connectTo(t, client.Options{Connections: 1}, a)
	cancel, ends, release := convoyOf(t, a, c, 2)
	defer release()
	eventually(t, "the calls have a stream", func() bool { return a.streams.Load() == 1 })
	cancel(0)
	cancel(1)
	<-ends[0]
	<-ends[1]
	eventually(t, "the stream has ended", func() bool { return a.streams.Load() == 0 })
	release()
	callMany(t, c, 4, 5)
}

func TestCallsAboveWhatAStreamHoldsGoByThemselves(t *testing.T) {
	const above = 20
	a := start(t, newNetwork())
	c := connectTo(t, client.Options{Connections: 1}, a)
	_, ends, release := convoyOf(t, a, c, client.MaxUnanswered+above)
	defer release()
	eventually(t, "those above went by themselves", func() bool { return a.alone.Load() == 1+above })
	release()
	for _, end := range ends {
		if err := <-end; err != nil {
			t.Fatal(err)
		}
	}
}

func TestARefusalOnASharedStreamIsOneCallers(t *testing.T) {
	a := start(t, newNetwork())
	c := connectTo(t, client.Options{Connections: 1}, a)
	for a.streams.Load() == 0 {
		callMany(t, c, 1, 2)
	}
	alone := a.alone.Load()
	refusal := messages.Errorf(messages.Invalid, "run", "socket echo", "wrong arguments")
	var refuse atomic.Bool
	a.refuse = func() error {
		if refuse.CompareAndSwap(true, false) {
			return refusal
		}
		return nil
	}
	for i := range 3 {
		refuse.Store(i == 1)
		_, err := c.Run(within(t, 10*time.Second), "echo", i)
		var e *messages.Error
		if refused := errors.As(err, &e); refused != (i == 1) || refused && *e != *refusal {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if a.alone.Load() != alone || a.streams.Load() != 1 {
		t.Errorf("%d calls went by themselves, and there are %d streams, want none and 1", a.alone.Load()-alone, a.streams.Load())
	}
}
