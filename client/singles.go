package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"
)

// mostSingles bounds the connections to a node that carry one request at a time. Whoever
// finds none free uses HTTP/2, and whoever may open no more files, too.
const mostSingles = 1024

// singles are connections of HTTP/1.1 to a node, each for one request at a time.
type singles struct {
	address  string // host:port
	dial     dialer
	presence *presence

	mu      sync.Mutex
	idle    []*single   // by when they became idle
	count   int         // of idle ones and requests. Invariant: len(idle) <= count <= mostSingles
	spoken  bool        // something was answered
	refused bool        // what is there does not speak HTTP/1.1
	sweeper *time.Timer // nil: nothing was idle yet
}

// newSingles gives nil when a node is reached by TLS or through a proxy. over: the way by
// which it is asked whether it is there.
func newSingles(url string, dial dialer, over http.RoundTripper) *singles {
	address, ok := direct(url)
	if !ok {
		return nil
	}
	if dial == nil {
		alive := net.KeepAliveConfig{Enable: true, Idle: pingAfter, Interval: time.Second, Count: int(pingTimeout / time.Second)}
		dial = (&net.Dialer{Timeout: dialTimeout, KeepAliveConfig: alive, Control: limitUnacknowledged}).DialContext
	}
	return &singles{address: address, dial: dial, presence: newPresence(over, url)}
}

// take gives an idle connection, or with nil the place for a new one. send leaves it.
func (s *singles) take() (c *single, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.idle) - 1; last >= 0 {
		c, s.idle[last] = s.idle[last], nil
		s.idle = s.idle[:last]
		return c, true
	}
	if s.refused || s.count >= mostSingles {
		return nil, false
	}
	s.count++
	return nil, true
}

// send sends the bytes of a request in a place that was taken, or twice: keys and ids see to
// it that it is carried out once. shared says that one which failed is to go over HTTP/2: this
// process has no room for another connection, or the first that ever went this way failed, and
// maybe what is there understands HTTP/2 alone.
func (s *singles) send(ctx context.Context, c *single, request []byte) (response *http.Response, shared bool, err error) {
	if c != nil {
		response, err = c.exchange(ctx, request, s.leave)
		if err == nil || ctx.Err() != nil || c.heard > 0 || errors.Is(err, errAbsent) {
			return response, false, s.failed(ctx, err)
		}
		s.forget() // the node was away since then, and they all have ended
	}
	conn, err := s.dial(ctx, "tcp", s.address)
	if err != nil {
		return nil, isFull(err), s.failed(ctx, err)
	}
	response, err = newSingle(conn, s.presence).exchange(ctx, request, s.leave)
	if err == nil {
		s.mu.Lock()
		s.spoken = true
		s.mu.Unlock()
		return response, false, nil
	}
	s.mu.Lock()
	shared = !s.spoken && ctx.Err() == nil && !errors.Is(err, errAbsent)
	s.mu.Unlock()
	return nil, shared, s.failed(ctx, err)
}

// isFull says that there is no room for another connection: files, or ports of this machine.
func isFull(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// failed leaves the place of a request that did, and says why it did.
func (s *singles) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errAbsent) {
		s.forget()
	}
	s.leave(nil)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// leave gives a request's place back, with its connection if that can be used again.
func (s *singles) leave(c *single) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c == nil {
		s.count--
		return
	}
	c.since = time.Now()
	s.idle = append(s.idle, c)
	switch {
	case len(s.idle) > 1: // it is set
	case s.sweeper == nil:
		s.sweeper = time.AfterFunc(idleTimeout, s.sweep)
	default:
		s.sweeper.Reset(idleTimeout)
	}
}

// refuse ends it: the other side does not understand.
func (s *singles) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = true
}

// sweep closes what was idle for long.
func (s *singles) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := 0
	for old < len(s.idle) && time.Since(s.idle[old].since) >= idleTimeout {
		old++
	}
	s.close(old)
	if len(s.idle) > 0 {
		s.sweeper.Reset(time.Until(s.idle[0].since.Add(idleTimeout)))
	}
}

// forget closes all that are idle.
func (s *singles) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close(len(s.idle))
}

// close closes the first n of those that are idle. It is called with mu held.
func (s *singles) close(n int) {
	for _, c := range s.idle[:n] {
		_ = c.Close() // nobody waits for anything
	}
	s.idle = slices.Delete(s.idle, 0, n)
	s.count -= n
}
