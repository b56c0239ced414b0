package api

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/elasticcode/flow/messages"
)

// answers sends the responses of a stream one at a time; the first that cannot be
// sent ends the stream. Those that come while others are sent go together: with
// each going by itself the network would cost more than the calls.
type answers struct {
	stream interface {
		Send(*messages.StreamResponse) error
	}
	cancel  context.CancelCauseFunc
	flushes *flushes

	mu      sync.Mutex
	waiting []answer // bounded by the requests that are under way
	sending bool
	failed  error
}

type answer struct {
	response *messages.StreamResponse
	sent     func() // called when it is, or never will be
}

// send sends a response, or leaves it to whoever sends others now.
func (a *answers) send(m *messages.StreamResponse, sent func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(a.waiting, answer{m, sent})
	if a.sending {
		return
	}
	a.sending = true
	for len(a.waiting) > 0 {
		some, failed := a.waiting, a.failed
		a.waiting = nil
		a.mu.Unlock()
		failed = a.sendAll(some, failed)
		a.mu.Lock()
		a.failed = failed
	}
	a.sending = false
}

// sendAll sends responses together, unless the stream has failed.
func (a *answers) sendAll(some []answer, failed error) error {
	for i, one := range some {
		if failed == nil {
			a.flushes.held = i < len(some)-1
			if failed = a.stream.Send(one.response); failed != nil {
				a.cancel(failed)
			}
		}
		one.sent()
	}
	return failed
}

func (a *answers) failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed
}

// flushes holds back the flush that follows each message of a stream, while
// another message is about to follow. Whoever sends sets held.
type flushes struct {
	http.ResponseWriter
	held bool
}

func (f *flushes) Flush() {
	if flusher, ok := f.ResponseWriter.(http.Flusher); ok && !f.held {
		flusher.Flush()
	}
}

func (f *flushes) Unwrap() http.ResponseWriter { return f.ResponseWriter }

type flushesKey struct{}

func flushesOf(ctx context.Context) *flushes { return ctx.Value(flushesKey{}).(*flushes) }

// maxIdle is how many goroutines of a stream wait for more to do.
const maxIdle = 64

// crew runs the requests of a stream, on goroutines that it uses again: a fresh
// one would grow its stack for each.
type crew struct {
	tasks   chan func()
	idle    atomic.Int32
	working sync.WaitGroup
	ending  sync.Once
}

func newCrew() *crew { return &crew{tasks: make(chan func())} }

// do does not wait. How many tasks there are at a time is the caller's to bound.
func (c *crew) do(task func()) {
	select {
	case c.tasks <- task:
	default:
		c.working.Go(func() { c.work(task) })
	}
}

func (c *crew) work(task func()) {
	for more := true; more; {
		task()
		if c.idle.Add(1) <= maxIdle {
			task, more = <-c.tasks
		} else {
			more = false
		}
		c.idle.Add(-1)
	}
}

// end waits for all tasks. None may be given afterwards.
func (c *crew) end() {
	c.ending.Do(func() { close(c.tasks) })
	c.working.Wait()
}
