package peer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// numbered gives so many bodies: 0, 1, 2, …
func numbered(n int) [][]byte {
	var all [][]byte
	for i := range n {
		all = append(all, []byte(fmt.Sprint(i)))
	}
	return all
}

// reply is an answer that carries a body back.
func reply(body []byte) proto.Message { return &messages.AwaitRequest{Call: body} }

// ask sends bodies together, and gives what each was answered, or its error.
func ask(ctx context.Context, t *testing.T, from *Transport, bodies [][]byte) (answers []string, errs []error) {
	t.Helper()
	answers, errs = make([]string, len(bodies)), make([]error, len(bodies))
	times := make([]int, len(bodies))
	from.Requests(ctx, "c", echo, bodies, func(i int, body []byte, err error) {
		times[i]++
		var m messages.AwaitRequest
		if err == nil {
			err = proto.Unmarshal(body, &m)
		}
		answers[i], errs[i] = string(m.Call), err
	})
	for i, n := range times {
		if n != 1 {
			t.Errorf("request %d was answered %d times", i, n)
		}
	}
	return answers, errs
}

// free fails unless no request takes room any more.
func free(t *testing.T, tr *Transport) {
	t.Helper()
	if n := len(tr.requests); n != 0 {
		t.Errorf("%d requests take room still", n)
	}
}

func TestRequestsThatComeTogetherAreHandedOverInOrder(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	var mu sync.Mutex
	came, largest := 0, 0
	c.HandleTogether(echo, func(_ context.Context, from messages.NodeID, asked *Asked) {
		mu.Lock()
		defer mu.Unlock()
		bodies, last := asked.Bodies(), -1
		came, largest = came+len(bodies), max(largest, len(bodies))
		for i, body := range bodies {
			n, err := strconv.Atoi(string(body))
			if err != nil || n <= last {
				t.Errorf("%q came behind %d, %v", body, last, err)
			}
			last = n
			defer asked.Answer(i, reply(body), nil) // the last one first
		}
	})
	const n = 2*maxTogether + 10
	answers, errs := ask(limited(t), t, a, numbered(n))
	for i, want := range numbered(n) {
		if answers[i] != string(want) || errs[i] != nil {
			t.Errorf("request %d: %q, %v", i, answers[i], errs[i])
		}
	}
	if came != n || largest < 2 || largest > maxTogether {
		t.Errorf("%d came, at most %d at once", came, largest)
	}
	free(t, c)
}

func TestOneOfThoseThatCameTogetherIsRefused(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	c.HandleTogether(echo, func(_ context.Context, _ messages.NodeID, asked *Asked) {
		for i, body := range asked.Bodies() {
			switch string(body) {
			case "1":
				asked.Answer(i, nil, messages.Errorf(messages.NotLeader, "ask", "it", "no"))
			case "2":
				asked.Answer(i, reply(make([]byte, MaxBody)), nil)
			case "3": // forgotten
			case "4":
				asked.Answer(i, &messages.QueryRequest{}, nil)
				asked.Answer(i, nil, errors.New("a second answer counts"))
			case "5":
				asked.Answer(i, &messages.Call{Node: "\xff"}, nil) // no text: it cannot be encoded
			default:
				asked.Answer(i, reply(body), nil)
			}
		}
	})
	_, errs := ask(limited(t), t, a, append(numbered(6), make([]byte, MaxBody+1)))
	if e := errs[5]; e == nil || !strings.Contains(e.Error(), "UTF-8") {
		t.Errorf("the one whose answer cannot be encoded: %v", e)
	}
	for i, want := range []error{nil, messages.NotLeader, messages.Exhausted, messages.Unavailable, nil, errs[5], ErrNotSent} {
		if !errors.Is(errs[i], want) {
			t.Errorf("request %d: %v; want %v", i, errs[i], want)
		}
	}
	free(t, c)
}

func TestThoseWithoutRoomAreRefusedTheOthersNot(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	for range maxHandlers - 2 {
		c.requests <- struct{}{}
	}
	refused := make(chan bool)
	c.HandleTogether(echo, func(_ context.Context, _ messages.NodeID, asked *Asked) {
		<-refused
		for i, body := range asked.Bodies() {
			asked.Answer(i, reply(body), nil)
		}
	})
	var fine, busy int
	a.Requests(limited(t), "c", echo, numbered(5), func(_ int, _ []byte, err error) {
		var e *messages.Error
		switch {
		case err == nil:
			fine++
		case errors.As(err, &e) && errors.Is(err, messages.Unavailable) && e.RetryAfter == overloaded:
			if busy++; busy == 3 {
				close(refused)
			}
		default:
			t.Error(err)
		}
	})
	if fine != 2 || busy != 3 {
		t.Errorf("%d answered, %d refused", fine, busy)
	}
}

func TestAHandlerThatPanicsFailsWhatItHasNotAnswered(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	c.HandleTogether(echo, func(_ context.Context, _ messages.NodeID, asked *Asked) {
		for i, body := range asked.Bodies() {
			if string(body) == "0" {
				asked.Answer(i, reply(body), nil)
			}
		}
		panic("broken")
	})
	answers, errs := ask(limited(t), t, a, numbered(3))
	if answers[0] != "0" || errs[0] != nil {
		t.Errorf("the one that was answered: %q, %v", answers[0], errs[0])
	}
	for _, err := range errs[1:] {
		if err == nil || !strings.Contains(err.Error(), "panicked") {
			t.Errorf("the others: %v", err)
		}
	}
	free(t, c)
}

// holding takes requests, answers none, and tells of those that are given up.
func holding(c *Transport) (came, gone chan string, ended chan bool) {
	came, gone, ended = make(chan string, 16), make(chan string, 16), make(chan bool, 16)
	c.HandleTogether(echo, func(ctx context.Context, _ messages.NodeID, asked *Asked) {
		bodies := asked.Bodies()
		asked.OnGone(func(i int) { gone <- string(bodies[i]) })
		for i, body := range bodies {
			if string(body) == "0" {
				asked.Answer(i, reply(body), nil)
			}
			came <- string(body)
		}
		<-ctx.Done()
		ended <- true
	})
	return came, gone, ended
}

func TestOneOfThoseThatCameTogetherIsGivenUp(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	came, gone, _ := holding(c)
	l, err := a.link("c")
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan answer, 4)
	first := l.begin(echo, numbered(4), answers)
	for range 4 {
		<-came
	}
	if got := <-answers; got.number != 0 || got.err != nil {
		t.Errorf("the first was answered %v", got)
	}
	l.give(first, 3, context.Canceled) // the first has its answer, the last goes on
	for want := 1; want < 3; want++ {
		if got := <-answers; got.number != want || !errors.Is(got.err, context.Canceled) {
			t.Errorf("number %d: %v", got.number, got.err)
		}
		if got := <-gone; got != fmt.Sprint(want) {
			t.Errorf("the handler hears that %s is gone, want %d", got, want)
		}
	}
	if n := len(answers) + len(gone); n != 0 {
		t.Errorf("%d more", n)
	}
}

func TestThoseOfALostConnectionFailAtOnce(t *testing.T) {
	var b book
	a, c := open(t, &b, "a", "n"), open(t, &b, "c", "n")
	came, _, ended := holding(c)
	var all sync.WaitGroup
	all.Go(func() {
		for range 3 {
			<-came
		}
		a.Drop("c")
	})
	_, errs := ask(limited(t), t, a, numbered(3))
	all.Wait()
	for _, err := range errs[1:] {
		if !errors.Is(err, messages.Unavailable) || errors.Is(err, ErrNotSent) {
			t.Errorf("the connection was lost: %v", err)
		}
	}
	select {
	case <-ended:
	case <-limited(t).Done():
		t.Error("the handler goes on")
	}
}

// TestARequestToALinkThatHasEndedFailsAtOnce: it was got before its transport closed.
func TestARequestToALinkThatHasEndedFailsAtOnce(t *testing.T) {
	var b book
	a := open(t, &b, "a", "n")
	l, err := a.link("c")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := limited(t)
	l.requests(ctx, echo, numbered(2), func(i int, _ []byte, err error) {
		if ctx.Err() != nil || !errors.Is(err, messages.Unavailable) || !errors.Is(err, ErrNotSent) {
			t.Errorf("request %d: %v", i, err)
		}
	})
}
