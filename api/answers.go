package api

import (
	"context"
	"sync"

	"github.com/elasticcode/flow/messages"
)

// answerBytes is how much one frame of answers takes before it takes no more.
const answerBytes = 256 << 10

// answers sends the responses of a stream, on a goroutine of its own: those that
// come while others are sent go together in a frame. With each going by itself the
// network would cost more than the calls. The first that cannot be sent ends the
// stream.
type answers struct {
	stream interface {
		Send(*messages.StreamResponse) error
	}
	cancel context.CancelCauseFunc
	ended  chan struct{}

	mu      sync.Mutex
	more    sync.Cond // there is something to send, or nothing will be any more
	waiting []answer  // bounded by the requests that are under way
	closed  bool
	failed  error
}

// answer is what a request of a stream gets.
type answer struct {
	response *messages.StreamResponse
	ended    *messages.CallResponse // of which the response's call is still to be made
	sent     func()                 // called when it is sent, or never will be
}

// made gives the response. What it costs is not for who tells of the end.
func (a *answer) made() *messages.StreamResponse {
	if a.ended != nil {
		a.response.Call = endedInfo(a.ended)
		a.ended = nil
	}
	return a.response
}

// weight is about how much a response takes. What has a bound of its own is not looked
// at: to ask for the very size would cost as much as to encode it.
func weight(m *messages.StreamResponse) int {
	const usual, event = 512, 384
	c := m.GetCall()
	n := usual + event*len(c.GetEvents()) + len(c.GetResult()) + len(c.GetOutput()) + len(c.GetLog()) + len(c.GetError().GetMessage()) + len(c.GetError().GetTraceback())
	for _, value := range c.GetArguments().GetPositional() {
		n += len(value)
	}
	for _, named := range c.GetArguments().GetNamed() {
		n += len(named.Name) + len(named.Value)
	}
	return n
}

// sendAnswers begins to send. End it.
func sendAnswers(stream interface {
	Send(*messages.StreamResponse) error
}, cancel context.CancelCauseFunc) *answers {
	a := &answers{stream: stream, cancel: cancel, ended: make(chan struct{})}
	a.more.L = &a.mu
	go a.run()
	return a
}

// send leaves an answer to be sent. It does not block.
func (a *answers) send(one answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(a.waiting, one)
	a.more.Signal()
}

// end waits until all are sent, and says why not. None may come afterwards.
func (a *answers) end() error {
	a.mu.Lock()
	a.closed = true
	a.more.Signal()
	a.mu.Unlock()
	<-a.ended
	return a.failed
}

func (a *answers) run() {
	defer close(a.ended)
	var some []answer
	for {
		if some = a.next(some); len(some) == 0 {
			return
		}
		for left := some; len(left) > 0; {
			n := a.frame(left)
			left = left[n:]
		}
		clear(some)
	}
}

// next waits for some, and takes all that are there. The memory of those before is
// used again.
func (a *answers) next(before []answer) (some []answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.waiting) == 0 && !a.closed {
		a.more.Wait()
	}
	some, a.waiting = a.waiting, before[:0]
	return some
}

// frame sends the first ones together, unless the stream has failed, and says how
// many.
func (a *answers) frame(left []answer) (n int) {
	first := left[0].made()
	size := 0
	for n = 1; n < min(len(left), messages.MaxTogether); n++ {
		if size += weight(left[n-1].made()); size > answerBytes {
			break
		}
		first.More = append(first.More, left[n].made())
	}
	if a.failed == nil {
		if a.failed = a.stream.Send(first); a.failed != nil {
			a.cancel(a.failed)
		}
	}
	for _, one := range left[:n] {
		one.sent()
	}
	return n
}
