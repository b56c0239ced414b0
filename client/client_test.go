package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

func TestValuesArriveAsTheyLeft(t *testing.T) {
	c := connectTo(t, client.Options{}, start(t, newNetwork()))
	for _, text := range []string{"9223372036854775809", "1", "1.0", `"<&>"`, `{"b" : [1,  2.50]}`, "null"} {
		call, err := c.Run(within(t, 10*time.Second), "echo", json.RawMessage(text))
		var result json.RawMessage
		if err == nil {
			err = client.Value(call, &result)
		}
		if err != nil || string(result) != text {
			t.Errorf("%s came back as %s, %v", text, result, err)
		}
	}
	call, err := c.Run(within(t, 10*time.Second), "echo", "a<b")
	if err != nil || call.GetResult() != `"a<b"` {
		t.Errorf(`"a<b" came back as %s, %v`, call.GetResult(), err)
	}
	if _, err := c.Run(within(t, 10*time.Second), "echo", json.RawMessage("NaN")); !errors.Is(err, messages.Invalid) {
		t.Errorf("NaN gave %v, want INVALID", err)
	}
}

func TestNamedArgumentsGoOutByName(t *testing.T) {
	m, err := client.Request("add_two", 1, client.Named{"two": 3})
	if err != nil || len(m.Positional) != 1 || m.Named["two"] != "3" {
		t.Errorf("request %v, %v", m, err)
	}
}

func TestCallIsSentAgainUnderTheSameKeyWhenItsNodeDies(t *testing.T) {
	n := newNetwork()
	a, b := start(t, n), start(t, n)
	a.before = func(ctx context.Context, _ *messages.RunRequest) error {
		go a.kill() // the call is accepted, its answer never comes
		<-ctx.Done()
		return ctx.Err()
	}
	c := connectTo(t, client.Options{}, a, b)
	call, err := c.Run(within(t, 10*time.Second), "echo", 1)
	if err != nil || call.GetResult() != "1" {
		t.Fatalf("the call gave %v, %v", call, err)
	}
	if calls, requests := n.counts(); calls != 1 || requests != 2 {
		t.Errorf("%d requests made %d calls, want 2 and 1", requests, calls)
	}
}

func TestNodesThatAreDownArePassedOver(t *testing.T) {
	n := newNetwork()
	a, b := start(t, n), start(t, n)
	a.kill()
	c := connectTo(t, client.Options{}, a, b)
	for range 2 {
		if _, err := c.Run(within(t, 10*time.Second), "echo", 1); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefusalsForGoodAreNotSentAgain(t *testing.T) {
	n := newNetwork()
	a := start(t, n)
	var asked atomic.Int32
	refusal := messages.Errorf(messages.Exhausted, "run", "socket echo", "the mailbox is full").WithHint("wait")
	a.refuse = func() error { asked.Add(1); return refusal }
	c := connectTo(t, client.Options{}, a)
	_, err := c.Run(within(t, 10*time.Second), "echo", 1)
	var e *messages.Error
	if !errors.As(err, &e) || *e != *refusal || asked.Load() != 1 {
		t.Errorf("after %d requests: %#v, want %#v after 1", asked.Load(), err, refusal)
	}
}

func TestPassingTroubleIsWaitedOut(t *testing.T) {
	n := newNetwork()
	a := start(t, n)
	var asked atomic.Int32
	a.refuse = func() error {
		if asked.Add(1) < 4 {
			return messages.Errorf(messages.Unavailable, "run", "", "there is no leader")
		}
		return nil
	}
	c := connectTo(t, client.Options{}, a)
	if _, err := c.Run(within(t, 10*time.Second), "echo", 1); err != nil || asked.Load() != 4 {
		t.Errorf("after %d requests: %v", asked.Load(), err)
	}
}

func TestNoNodeAtTheAddressIsSaidPlainly(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	c := connectTo(t, client.Options{Addresses: []string{address}, Patience: 50 * time.Millisecond})
	_, err = c.Network(within(t, 10*time.Second))
	if !errors.Is(err, messages.Unavailable) || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "is a node running") {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"", "127.0.0.1", "ftp://x:1", "http://", "::"} {
		if _, err := client.New(client.Options{Addresses: []string{bad}}); !errors.Is(err, messages.Invalid) {
			t.Errorf("address %q gave %v, want INVALID", bad, err)
		}
	}
	if _, err := client.New(client.Options{Addresses: []string{"127.0.0.1:7460"}, User: "a\nb"}); !errors.Is(err, messages.Invalid) {
		t.Errorf("a user of two lines: %v", err)
	}
}

func TestAddressWhereNobodyEverAnsweredIsGivenUpEarly(t *testing.T) {
	n := newNetwork()
	down, up := start(t, n), start(t, n)
	down.kill()
	options := client.Options{Patience: time.Minute, Reach: 50 * time.Millisecond}

	began := time.Now()
	c := connectTo(t, options, down)
	if _, err := c.Network(t.Context()); !errors.Is(err, messages.Unavailable) || time.Since(began) > 10*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}

	c = connectTo(t, options, up)
	if _, err := c.Run(t.Context(), "echo", 1); err != nil {
		t.Fatal(err)
	}
	up.kill()
	ctx, cancel := context.WithCancel(t.Context())
	defer time.AfterFunc(300*time.Millisecond, cancel).Stop()
	if _, err := c.Run(ctx, "echo", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a node that was there is waited for; got %v", err)
	}
}

func TestContextEndsTheTries(t *testing.T) {
	a := start(t, newNetwork())
	a.refuse = func() error { return messages.Errorf(messages.Unavailable, "run", "", "there is no leader") }
	c := connectTo(t, client.Options{}, a)
	_, err := c.Run(within(t, 100*time.Millisecond), "echo", 1)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestDiscoveryFindsNodesWhenThoseKnownAreGone(t *testing.T) {
	n := newNetwork()
	a, b := start(t, n), start(t, n)
	var asked atomic.Int32
	c := connectTo(t, client.Options{Discover: func(context.Context) ([]string, error) {
		if asked.Add(1) == 1 {
			return []string{a.address}, nil
		}
		return []string{a.address, b.address}, nil
	}})
	if _, err := c.Run(within(t, 10*time.Second), "echo", 1); err != nil {
		t.Fatal(err)
	}
	a.kill()
	if _, err := c.Run(within(t, 10*time.Second), "echo", 2); err != nil {
		t.Fatal(err)
	}
}

func TestUserIsStated(t *testing.T) {
	a := start(t, newNetwork())
	var got atomic.Value
	a.user = func(u string) { got.Store(u) }
	c := connectTo(t, client.Options{User: "postgres"}, a)
	if _, err := c.Run(within(t, 10*time.Second), "echo", 1); err != nil || got.Load() != "postgres" {
		t.Errorf("the node saw user %v, %v", got.Load(), err)
	}
}

func TestObjectWhoseAnswerWasLostIsMadeOnce(t *testing.T) {
	n := newNetwork()
	a, b := start(t, n), start(t, n)
	a.before = func(context.Context, *messages.RunRequest) error {
		go a.kill()
		return messages.Errorf(messages.Unavailable, "add", "", "this node is stopping")
	}
	c := connectTo(t, client.Options{}, a, b)
	response, err := c.Create(within(t, 10*time.Second), &messages.Object{Name: "q", Kind: messages.Kind_KIND_QUEUE})
	if err != nil || response.Object.Name != "q" {
		t.Errorf("got %v, %v", response, err)
	}
}

func TestWatchGoesOnAtAnotherNodeAndEndsWithTheObject(t *testing.T) {
	n := newNetwork()
	a, b := start(t, n), start(t, n)
	n.put("q", &messages.Object{Name: "q", Status: "one"})
	c := connectTo(t, client.Options{}, a, b)
	var seen []string
	var last error
	for response, err := range c.Watch(within(t, 10*time.Second), messages.Kind_KIND_QUEUE, "q") {
		if last = err; err != nil {
			break
		}
		status := response.Object.Status
		if len(seen) > 0 && seen[len(seen)-1] == status {
			continue // said again by the second node
		}
		switch seen = append(seen, status); status {
		case "one":
			a.kill()
			n.put("q", &messages.Object{Name: "q", Status: "two"})
		case "two":
			n.put("q", nil)
		}
	}
	if strings.Join(seen, " ") != "one two" || !errors.Is(last, messages.NotFound) {
		t.Errorf("saw %v, then %v", seen, last)
	}
}

func TestStreamAnswersEachRequestOnceAlthoughItsNodeDies(t *testing.T) {
	n := newNetwork()
	a, b := start(t, n), start(t, n)
	var ran atomic.Int32
	a.before = func(ctx context.Context, _ *messages.RunRequest) error {
		if ran.Add(1) == 50 {
			go a.kill()
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	c := connectTo(t, client.Options{}, a, b)
	stream := c.Stream(within(t, 20*time.Second))
	defer stream.Close()
	const total = 3000 // more than may be without an answer
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		for i := range total {
			if _, err := stream.Send(&messages.RunRequest{Socket: "echo", Positional: []string{text(i + 1)}}); err != nil {
				t.Error(err)
				return
			}
		}
		stream.CloseSend()
	})
	seen := map[uint64]bool{}
	for {
		answer, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if answer.Err != nil || answer.Call.GetResult() != text(int(answer.Tag)) || seen[answer.Tag] {
			t.Fatalf("answer %v (seen before: %v)", answer, seen[answer.Tag])
		}
		seen[answer.Tag] = true
	}
	if calls, requests := n.counts(); len(seen) != total || calls != total || requests <= total {
		t.Errorf("%d answers, %d calls of %d requests; want %d, %d and more", len(seen), calls, requests, total, total)
	}
}

func TestStreamWithNothingUnderWayClosesAtOnce(t *testing.T) {
	c := connectTo(t, client.Options{}, start(t, newNetwork()))
	stream := c.Stream(t.Context())
	if _, err := stream.Send(&messages.RunRequest{Socket: "echo"}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Receive(); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() { defer close(closed); stream.Close() }()
	select {
	case <-closed:
	case <-within(t, 10*time.Second).Done():
		t.Fatal("Close waits for a node that has nothing to say")
	}
}

func TestStreamGoesOnAfterARefusal(t *testing.T) {
	a := start(t, newNetwork())
	var asked atomic.Int32
	a.refuse = func() error {
		switch asked.Add(1) {
		case 1:
			return messages.Errorf(messages.Invalid, "run", "socket echo", "wrong arguments")
		case 2:
			return messages.Errorf(messages.Unavailable, "run", "socket echo", "there is no leader")
		}
		return nil
	}
	c := connectTo(t, client.Options{}, a)
	stream := c.Stream(within(t, 10*time.Second))
	defer stream.Close()
	for range 2 {
		if _, err := stream.Send(&messages.RunRequest{Socket: "echo"}); err != nil {
			t.Fatal(err)
		}
	}
	stream.CloseSend()
	first, err := stream.Receive()
	if err != nil || !errors.Is(first.Err, messages.Invalid) {
		t.Fatalf("the first answer is %v, %v; want INVALID", first, err)
	}
	second, err := stream.Receive()
	if err != nil || second.Err != nil || second.Call.GetState() != "finished" {
		t.Fatalf("the second answer is %v, %v", second, err)
	}
	if _, err := stream.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last answer: %v", err)
	}
}

func text(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}

func TestIDsOfABatchFollowEachOther(t *testing.T) {
	first := messages.NewCallID("batch", 2, 0)
	ids, err := client.IDs(&messages.SubmitBatchResponse{First: first.String(), Count: 3})
	if err != nil || len(ids) != 3 || ids[2] != first.At(2).String() {
		t.Errorf("%v, %v", ids, err)
	}
}

func TestValueOfACallThatFailedSaysWhy(t *testing.T) {
	call := &messages.CallInfo{Id: "x", Socket: "s", State: "failed", Error: &messages.Failure{Type: "ValueError", Message: "no"}}
	var e *client.CallError
	if err := client.Value(call, new(any)); !errors.As(err, &e) || !strings.Contains(err.Error(), "ValueError: no") {
		t.Errorf("got %v", err)
	}
}

// TestARequestsOwnTimeoutEndsItsTries: one who waits for two tenths of a second
// is not kept for as long as the client has patience.
func TestARequestsOwnTimeoutEndsItsTries(t *testing.T) {
	s := start(t, newNetwork())
	s.refuse = func() error { return messages.Errorf(messages.Unavailable, "run", "", "a majority is missing") }
	c := connectTo(t, client.Options{Patience: time.Minute}, s)
	begin := time.Now()
	_, err := c.Call(t.Context(), &messages.RunRequest{Socket: "s", Timeout: 200})
	if took := time.Since(begin); !errors.Is(err, messages.Unavailable) || took < 200*time.Millisecond || took > 5*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
}
