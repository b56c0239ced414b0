package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/elasticcode/flow/messages"
)

// slowStream takes one response at a time, when it is told to.
type slowStream struct {
	writer http.ResponseWriter
	next   chan error
	sent   []uint64
}

func (s *slowStream) Send(m *messages.StreamResponse) error {
	if err := <-s.next; err != nil {
		return err
	}
	s.sent = append(s.sent, m.Tag)
	s.writer.(http.Flusher).Flush()
	return nil
}

// countedFlushes counts what goes to the network.
type countedFlushes struct {
	*httptest.ResponseRecorder
	flushed int
}

func (c *countedFlushes) Flush() { c.flushed++ }

func TestAnswersGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &countedFlushes{ResponseRecorder: httptest.NewRecorder()}
		held := &flushes{ResponseWriter: network}
		stream := &slowStream{writer: held, next: make(chan error)}
		a := &answers{stream: stream, flushes: held, cancel: func(error) {}}
		var told atomic.Int32
		var sending sync.WaitGroup
		for i := range uint64(10) {
			sending.Go(func() { a.send(&messages.StreamResponse{Tag: i}, func() { told.Add(1) }) })
			synctest.Wait()
		}
		for range 10 {
			stream.next <- nil
		}
		sending.Wait()
		if len(stream.sent) != 10 || told.Load() != 10 || network.flushed != 2 {
			t.Errorf("sent %v, told %d of them, flushed %d times; want all 10 in two pieces: the first, and those that came meanwhile", stream.sent, told.Load(), network.flushed)
		}
		for i, tag := range stream.sent {
			if tag != uint64(i) {
				t.Errorf("answer %d is number %d", tag, i)
			}
		}
	})
}

// TestAnswersAfterAFailure: nobody waits for them, and what they hold is let go.
func TestAnswersAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := &flushes{ResponseWriter: httptest.NewRecorder()}
		stream := &slowStream{writer: held, next: make(chan error)}
		ctx, cancel := context.WithCancelCause(t.Context())
		a := &answers{stream: stream, flushes: held, cancel: cancel}
		var told atomic.Int32
		for i := range uint64(5) {
			go a.send(&messages.StreamResponse{Tag: i}, func() { told.Add(1) })
		}
		synctest.Wait()
		gone := errors.New("gone")
		stream.next <- gone
		synctest.Wait()
		if told.Load() != 5 || a.failure() != gone || context.Cause(ctx) != gone {
			t.Errorf("told %d of 5, failure %v, cause %v", told.Load(), a.failure(), context.Cause(ctx))
		}
	})
}

func TestCrewRunsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		var ran atomic.Int32
		for range 20 {
			hold := make(chan struct{})
			for range 2 * maxIdle {
				c.do(func() { <-hold; ran.Add(1) })
			}
			close(hold)
			synctest.Wait()
			if n := c.idle.Load(); n != maxIdle {
				t.Fatalf("%d goroutines wait, want %d", n, maxIdle)
			}
		}
		c.end()
		if n := ran.Load(); n != 20*2*maxIdle {
			t.Errorf("%d of %d tasks ran", n, 20*2*maxIdle)
		}
	})
}
