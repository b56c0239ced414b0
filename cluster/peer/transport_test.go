package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

// book is where the nodes of a test find each other.
type book struct {
	mu    sync.Mutex
	nodes map[messages.NodeID]string
}

func (b *book) set(node messages.NodeID, address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.nodes == nil {
		b.nodes = map[messages.NodeID]string{}
	}
	b.nodes[node] = address
}

func (b *book) resolve(node messages.NodeID) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.nodes[node]
	return a, ok
}

func open(t *testing.T, b *book, node messages.NodeID, network string) *Transport {
	t.Helper()
	tr, err := New(Config{Address: "127.0.0.1:0", Node: node, NetworkID: network, Resolve: b.resolve})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	b.set(node, tr.Address())
	return tr
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

const echo Kind = 7

func echoes(_ context.Context, _ messages.NodeID, body []byte) ([]byte, error) { return body, nil }

func TestRequestsAreAnsweredConcurrently(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	c.Handle(echo, echoes)
	a.Handle(echo, echoes)
	ctx := limited(t)
	var all sync.WaitGroup
	for i := range 500 {
		all.Go(func() {
			to := []messages.NodeID{"a", "c"}[i%2] // a asks itself, too
			want := bytes.Repeat([]byte{byte(i)}, i*40)
			got, err := a.Request(ctx, to, echo, want)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("request %d: %d bytes came back, %v", i, len(got), err)
			}
		})
	}
	all.Wait()
}

// TestRemovedNodeIsRefused, is told so, and hears what others ask it still.
func TestRemovedNodeIsRefused(t *testing.T) {
	var b book
	told := make(chan messages.NodeID, 8)
	a, err := New(Config{Address: "127.0.0.1:0", Node: "a", NetworkID: "n", Resolve: b.resolve, OnRemoved: func(by messages.NodeID) { told <- by }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	c, err := New(Config{Address: "127.0.0.1:0", Node: "c", NetworkID: "n", Resolve: b.resolve, Removed: func(n messages.NodeID) bool { return n == "a" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	b.set("a", a.Address())
	b.set("c", c.Address())
	a.Handle(echo, echoes)
	if _, err := a.Request(limited(t), "c", echo, nil); !errors.Is(err, messages.Unavailable) || !errors.Is(err, ErrNotSent) || !strings.Contains(err.Error(), "removed") {
		t.Errorf("it was answered %v", err)
	}
	if by := <-told; by != "c" {
		t.Errorf("it was told by %s", by)
	}
	if _, err := c.Request(limited(t), "a", echo, nil); err != nil {
		t.Errorf("the other way: %v", err)
	}
}

func TestErrorsSurviveTheWire(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	c.Handle(echo, func(context.Context, messages.NodeID, []byte) ([]byte, error) {
		e := messages.Errorf(messages.NotLeader, "propose to group", "2", "another node leads").WithHint("ask it")
		e.Leader = "b"
		return nil, e
	})
	c.Handle(echo+1, func(context.Context, messages.NodeID, []byte) ([]byte, error) { panic("broken") })
	_, err := a.Request(limited(t), "c", echo, nil)
	var e *messages.Error
	if !errors.As(err, &e) || !errors.Is(err, messages.NotLeader) || e.Leader != "b" || e.Hint != "ask it" {
		t.Errorf("got %#v", err)
	}
	if errors.Is(err, ErrNotSent) {
		t.Error("an answer counts as not sent")
	}
	if _, err := a.Request(limited(t), "c", echo+1, nil); err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("a panic came back as %v", err)
	}
	if _, err := a.Request(limited(t), "c", echo+2, nil); !errors.Is(err, messages.Unavailable) {
		t.Errorf("an unknown kind came back as %v", err)
	}
	if _, err := a.Request(limited(t), "c", echo, make([]byte, MaxBody+1)); !errors.Is(err, messages.Exhausted) || !errors.Is(err, ErrNotSent) {
		t.Errorf("a body over the limit came back as %v", err)
	}
}

func TestMessagesArriveInOrder(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	const n = 1000
	for _, to := range []*Transport{a, c} {
		got := make(chan string, n)
		to.Handle(echo, func(_ context.Context, _ messages.NodeID, body []byte) ([]byte, error) {
			got <- string(body)
			return nil, nil
		})
		for i := range n {
			if err := a.Send(to.config.Node, echo, []byte(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		for i := range n {
			select {
			case s := <-got:
				if s != fmt.Sprint(i) {
					t.Fatalf("to %s: message %d is %s", to.config.Node, i, s)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("to %s: message %d did not arrive", to.config.Node, i)
			}
		}
	}
}

func TestLostConnectionFailsRequestsAtOnceAndCancelsHandlers(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	entered, cancelled := make(chan bool, 1), make(chan bool, 1)
	c.Handle(echo, func(ctx context.Context, _ messages.NodeID, _ []byte) ([]byte, error) {
		entered <- true
		<-ctx.Done()
		cancelled <- true
		return nil, ctx.Err()
	})
	lost := make(chan messages.NodeID, 4)
	a.OnDisconnect(func(n messages.NodeID) { lost <- n })
	ctx := limited(t)
	result := make(chan error, 1)
	go func() { _, err := a.Request(ctx, "c", echo, nil); result <- err }()
	<-entered
	a.Drop("c")
	select {
	case err := <-result:
		if !errors.Is(err, messages.Unavailable) || errors.Is(err, ErrNotSent) {
			t.Errorf("the request failed with %v", err)
		}
	case <-ctx.Done():
		t.Fatal("the request still waits")
	}
	for _, what := range []<-chan bool{cancelled} {
		select {
		case <-what:
		case <-ctx.Done():
			t.Fatal("the handler was not cancelled")
		}
	}
	if n := <-lost; n != "c" {
		t.Errorf("lost %s, want c", n)
	}
}

func TestHandlerIsCancelledWhenTheRequesterGivesUp(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	entered, cancelled := make(chan bool, 1), make(chan bool, 1)
	c.Handle(echo, func(ctx context.Context, _ messages.NodeID, _ []byte) ([]byte, error) {
		entered <- true
		<-ctx.Done()
		cancelled <- true
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(limited(t))
	go func() { <-entered; cancel() }()
	if _, err := a.Request(ctx, "c", echo, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	select {
	case <-cancelled:
	case <-time.After(10 * time.Second):
		t.Error("the handler goes on")
	}
}

func TestPeerThatReturnsElsewhereIsFound(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	c.Handle(echo, echoes)
	ctx := limited(t)
	if _, err := a.Request(ctx, "c", echo, nil); err != nil {
		t.Fatal(err)
	}
	c.Close()
	for {
		if _, err := a.Request(ctx, "c", echo, nil); errors.Is(err, ErrNotSent) {
			break // refused by the old address
		} else if ctx.Err() != nil {
			t.Fatal("a closed node still answers")
		}
	}
	again := open(t, &b, "c", "n")
	again.Handle(echo, echoes)
	if _, err := a.Request(ctx, "c", echo, nil); err != nil {
		t.Errorf("after its return: %v", err)
	}
	if _, err := a.Request(ctx, "stranger", echo, nil); !errors.Is(err, messages.Unavailable) || !errors.Is(err, ErrNotSent) {
		t.Errorf("an unknown node: %v", err)
	}
}

func TestOtherNetworksAreRefusedBothWays(t *testing.T) {
	var b book
	x, y := open(t, &b, "x", "red"), open(t, &b, "y", "blue")
	for _, from := range []*Transport{x, y} {
		to := map[*Transport]messages.NodeID{x: "y", y: "x"}[from]
		_, err := from.Request(limited(t), to, echo, nil)
		if !errors.Is(err, messages.Unavailable) || !strings.Contains(err.Error(), "red") || !strings.Contains(err.Error(), "blue") {
			t.Errorf("%s asks %s: %v", from.config.Node, to, err)
		}
		if _, err := from.RaftLayer(1).Dial("y", time.Second); from == x && !errors.Is(err, messages.Unavailable) {
			t.Errorf("raft: %v", err)
		}
	}
}

func TestNodeWithoutNetworkRefusesUntilItHasOne(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "")
	c.Handle(echo, echoes)
	if _, err := a.Request(limited(t), "c", echo, nil); !errors.Is(err, messages.Unavailable) {
		t.Fatalf("before: %v", err)
	}
	c.SetNetwork("n")
	ctx := limited(t)
	for {
		_, err := a.Request(ctx, "c", echo, nil)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("after: %v", err)
		}
	}
}

func TestPortThatChangedHandsIsNoticed(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	c.Handle(echo, echoes)
	b.set("dead", c.Address())
	if _, err := a.Request(limited(t), "dead", echo, nil); !errors.Is(err, messages.Unavailable) {
		t.Errorf("node c answered for another: %v", err)
	}
}

func TestRaftLayers(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	dialer := a.RaftLayer(3)
	if _, err := dialer.Dial("c", 5*time.Second); err == nil || !strings.Contains(err.Error(), "no replica of partition 3") {
		t.Fatalf("an unknown group: %v", err)
	}
	for round := range 3 {
		l := c.RaftLayer(3)
		if l.Addr().String() != "c" {
			t.Fatalf("address %s", l.Addr())
		}
		near, err := dialer.Dial("c", 5*time.Second)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(near, "vote")
		got := make([]byte, 4)
		if _, err := far.Read(got); err != nil || string(got) != "vote" {
			t.Fatalf("round %d: %q, %v", round, got, err)
		}
		l.Close()
		near.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := near.Read(got); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("round %d: the closed layer's connection lives on: %v", round, err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("round %d: accept on a closed layer: %v", round, err)
		}
	}
}

func TestGarbageIsNotServed(t *testing.T) {
	var b book
	a := open(t, &b, "a", "n")
	raw, err := net.Dial("tcp", a.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	raw.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := raw.Read(make([]byte, 1)); err == nil || n > 0 {
		t.Error("a stranger got an answer")
	}
}

func BenchmarkRequests(b *testing.B) {
	var bk book
	node := func(id messages.NodeID) *Transport {
		tr, err := New(Config{Address: "127.0.0.1:0", Node: id, NetworkID: "n", Resolve: bk.resolve})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { tr.Close() })
		bk.set(id, tr.Address())
		return tr
	}
	a, c := node("a"), node("c")
	c.Handle(echo, echoes)
	body := make([]byte, 256)
	b.SetParallelism(64)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := a.Request(b.Context(), "c", echo, body); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
