package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// pipes is a network in memory, on which time stands still while something happens: by
// address, who takes connections there.
type pipes map[string]chan net.Conn

func (p pipes) dial(ctx context.Context, _, address string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p[address] <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// place is a listener of pipes.
type place struct {
	came   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *place) Accept() (net.Conn, error) {
	select {
	case c := <-l.came:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *place) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *place) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) listen(address string) net.Listener {
	p[address] = make(chan net.Conn)
	return &place{came: p[address], closed: make(chan struct{})}
}

func connectBy(t *testing.T, p pipes, addresses ...string) *client.Client {
	c, err := client.New(client.Options{Addresses: addresses, Apart: true, Connections: 1, Patience: time.Nanosecond, User: "u", Dial: p.dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestANodeThatStopsWithoutClosingIsLeft: its system takes connections and what comes on
// them, and nobody answers.
func TestANodeThatStopsWithoutClosingIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipes{}
		stopped := p.listen("stopped:1")
		var wait sync.WaitGroup
		wait.Go(func() {
			for c, err := stopped.Accept(); err == nil; c, err = stopped.Accept() {
				wait.Go(func() { _, _ = io.Copy(io.Discard, c) })
			}
		})
		defer wait.Wait()
		defer stopped.Close()
		a := serveOn(newNetwork(), p.listen("there:1"))
		defer a.kill()

		c := connectBy(t, p, "stopped:1", "there:1")
		defer c.Close()
		for range 2 {
			began := time.Now()
			if _, err := c.Run(t.Context(), "echo", 1); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 6*time.Second {
				t.Errorf("it was waited for for %v", took)
			}
		}
	})
}

// TestWhoeverWaitsLongIsLeftToIt as long as the node says that it is there, of which
// all who wait there ask together.
func TestWhoeverWaitsLongIsLeftToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const waiting, long = 50, time.Hour
		n, p := newNetwork(), pipes{}
		a := serveOn(n, p.listen("there:1"))
		defer a.kill()
		a.before = func(ctx context.Context, _ *messages.RunRequest) error {
			select {
			case <-time.After(long):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		c := connectBy(t, p, "there:1")
		defer c.Close()
		var wait sync.WaitGroup
		for i := range waiting {
			time.Sleep(time.Duration(i) * time.Millisecond) // they do not come at once
			wait.Go(func() {
				if _, err := c.Run(t.Context(), "echo", 1); err != nil {
					t.Error(err)
				}
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(long/2, cancel)
		if _, err := c.Run(ctx, "echo", 1); !errors.Is(err, context.Canceled) {
			t.Errorf("one that waits for half of it got %v", err)
		}
		wait.Wait()
		if calls, requests := n.counts(); calls != waiting+1 || requests != calls {
			t.Errorf("%d requests made %d calls, want %d of each", requests, calls, waiting+1)
		}
		if asked := a.asked.Load(); asked == 0 || asked > int32(long/time.Second)+1 {
			t.Errorf("the node was asked %d times whether it is there, in an hour", asked)
		}
	})
}
