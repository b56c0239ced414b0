package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

// Pauses between tries, once each node has been asked.
const (
	firstPause = 25 * time.Millisecond
	mostPause  = time.Second
)

// do carries out a request, on the next node when one fails, until it is
// answered for good, the context ends, or patience does.
func do[T any](ctx context.Context, c *Client, try func(ctx context.Context, to *lane) (T, error)) (T, error) {
	return doAs(ctx, c, asks{}, try)
}

// asks is how a request wants to be tried.
type asks struct {
	end  time.Time // its own time-out, which the context outlives for the answer's sake: no try begins after it; zero: none
	room bool      // where a bound is reached it waits for room, rather than be refused
}

// doAs is do for a request that says how.
func doAs[T any](ctx context.Context, c *Client, as asks, try func(ctx context.Context, to *lane) (T, error)) (T, error) {
	var none T
	t := c.newTries()
	t.end = as.end
	for {
		n, err := c.node(ctx)
		if err == nil {
			var answer T
			began := time.Now()
			if answer, err = try(ctx, n.lane()); err == nil {
				c.reached.Store(true)
				return answer, nil
			}
			t.lasted(time.Since(began))
			err = c.restored(err)
			waits := as.room && ctx.Err() == nil && errors.Is(err, messages.Exhausted)
			if !waits && !tryAgain(ctx, err) {
				return none, t.final(ctx, err)
			}
			if waits {
				t.since = time.Now() // it was not in vain: it waits as long as was asked for
			}
			c.leave(n)
		}
		if err := t.pause(ctx, err); err != nil {
			return none, err
		}
	}
}

// tries is the back-off of one request.
type tries struct {
	c       *Client
	end     time.Time // no try begins later; zero: no such limit
	failed  int
	since   time.Time // when it began to fail
	waiting time.Duration
}

func (c *Client) newTries() *tries { return &tries{c: c, waiting: firstPause} }

// lasted begins anew after a try that a node held for a while: it was no vain one.
func (t *tries) lasted(d time.Duration) {
	if d > mostPause {
		t.failed, t.since, t.waiting = 0, time.Time{}, firstPause
	}
}

// pause waits before the next try, as long as the last answer asks for at least,
// or says why there is none.
func (t *tries) pause(ctx context.Context, err error) error {
	if t.failed == 0 {
		t.since = time.Now()
	}
	t.failed++
	if t.failed%max(1, len(t.c.known())) != 0 {
		return nil // there is a node that has not been asked
	}
	wait := t.waiting/2 + rand.N(t.waiting)
	if most := t.patience(ctx); most > 0 {
		left := most - time.Since(t.since)
		if left <= 0 {
			return t.final(ctx, err)
		}
		wait = min(wait, left) // the last try is when patience ends, not a pause later
	}
	wait = notBefore(err, wait)
	if !t.end.IsZero() {
		if time.Until(t.end) <= 0 {
			return t.final(ctx, err)
		}
		wait = min(wait, time.Until(t.end))
	}
	_ = t.c.discover(ctx) // that nobody new was found is no news: err says what is wrong
	select {
	case <-ctx.Done():
		return t.final(ctx, err)
	case <-time.After(wait):
	}
	t.waiting = min(2*t.waiting, mostPause)
	return nil
}

// notBefore lengthens a pause to what the answer asks for, by a different bit for
// each: those who were refused together would come back together.
func notBefore(err error, pause time.Duration) time.Duration {
	var e *messages.Error
	if !errors.As(err, &e) || e.RetryAfter <= pause {
		return pause
	}
	return e.RetryAfter + rand.N(e.RetryAfter/2+1)
}

// patience is how long the request goes on; not above 0: as long as its context.
func (t *tries) patience(ctx context.Context) time.Duration {
	o := t.c.options
	if _, limited := ctx.Deadline(); limited || o.Reach <= 0 || t.c.reached.Load() {
		return o.Patience
	}
	if o.Patience > 0 {
		return min(o.Patience, o.Reach)
	}
	return o.Reach
}

// final is the error that goes to the caller.
func (t *tries) final(ctx context.Context, err error) error {
	var e *messages.Error
	known := errors.As(err, &e)
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%w (the last try: %w)", ctx.Err(), err)
	case known:
		return e
	default:
		return messages.Errorf(messages.Unavailable, "reach the network at", strings.Join(t.c.known(), ", "), "no node answers: %v", err).
			WithHint("is a node running there?")
	}
}

// tryAgain says whether a request that failed may succeed elsewhere or later.
// What the client sends may be sent twice: keys and ids see to that.
func tryAgain(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	var e *messages.Error
	if errors.As(err, &e) {
		return errors.Is(err, messages.Unavailable) || errors.Is(err, messages.NotLeader)
	}
	return true // no answer came, or half of one
}

// restored gives the error that the server meant, and notes that there is one.
func (c *Client) restored(err error) error {
	err = restored(err)
	if errors.As(err, new(*messages.Error)) {
		c.reached.Store(true)
	}
	return err
}

// restored gives the error that the server meant: a *messages.Error. An error
// that no server sent stays as it is.
func restored(err error) error {
	var wire *connect.Error
	if !errors.As(err, &wire) {
		return err
	}
	for _, detail := range wire.Details() {
		if value, err := detail.Value(); err == nil {
			if info, ok := value.(*messages.ErrorInfo); ok {
				return info.Err()
			}
		}
	}
	switch {
	case wire.Code() == connect.CodeUnknown:
		return err
	case !connect.IsWireError(err) && wire.Code() != connect.CodeResourceExhausted && wire.Code() != connect.CodeInvalidArgument:
		return err // the connection's error, not an answer; but a message over a limit stays over it
	}
	return &messages.Error{Kind: kindOf(wire.Code()), Reason: wire.Message()}
}

// kindOf is the kind of error that a code stands for, for answers of proxies
// and of the protocol's own layer.
func kindOf(code connect.Code) messages.ErrorKind {
	switch code {
	case connect.CodeInvalidArgument, connect.CodeUnimplemented, connect.CodeOutOfRange:
		return messages.ErrorKind_INVALID
	case connect.CodeNotFound:
		return messages.ErrorKind_NOT_FOUND
	case connect.CodeAlreadyExists, connect.CodeFailedPrecondition:
		return messages.ErrorKind_CONFLICT
	case connect.CodePermissionDenied, connect.CodeUnauthenticated:
		return messages.ErrorKind_DENIED
	case connect.CodeUnavailable, connect.CodeAborted, connect.CodeCanceled:
		return messages.ErrorKind_UNAVAILABLE
	case connect.CodeResourceExhausted:
		return messages.ErrorKind_EXHAUSTED
	case connect.CodeDeadlineExceeded:
		return messages.ErrorKind_DEADLINE
	}
	return messages.ErrorKind_INTERNAL
}
