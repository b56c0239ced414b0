package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// askTimeout is how long a node may take to say that it is there, and askAgain for how
// long it is believed.
const (
	askTimeout = pingTimeout
	askAgain   = time.Second
)

var errAbsent = errors.New("the node does not say any more that it is there")

// presence asks a node whether it is there, for those who wait for an answer on a
// connection that has no pings: what has stopped, or lost its power, does not close its
// connections. Those who wait at the same time ask once.
type presence struct {
	ask  func(ctx context.Context) error
	turn chan struct{} // whoever has put something in may use what is below

	asked time.Time // when err was found
	err   error     // nil: it was there
}

// newPresence asks over HTTP/2. Any answer will do, also that of something in between.
func newPresence(over http.RoundTripper, url string) *presence {
	return &presence{turn: make(chan struct{}, 1), ask: func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/healthz", nil)
		if err != nil {
			return err
		}
		response, err := over.RoundTrip(r)
		if isFull(err) {
			return nil // it could not be asked, which says nothing of it
		}
		if err != nil {
			return err
		}
		return response.Body.Close()
	}}
}

// felt gives errAbsent when the node is not there, and ctx's error when that ends before.
func (p *presence) felt(ctx context.Context) error {
	came := time.Now()
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.asked.After(came) || p.err == nil && came.Sub(p.asked) < askAgain {
		return p.err
	}
	limited, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	err := p.ask(limited)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		err = fmt.Errorf("%w: %v", errAbsent, err)
	}
	p.asked, p.err = time.Now(), err
	return err
}
