package client

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// MaxUnanswered is how many requests of a stream may be without an answer that
// was received; Send waits for a place.
const MaxUnanswered = 1024

// frameBytes is how much the requests of one frame have together: one that is
// larger goes by itself.
const frameBytes = 64 << 10

// maxRefusals is how often one node may put a request off before the stream
// goes on to the next node.
const maxRefusals = 3

// Answer is what became of one request of a stream.
type Answer struct {
	Tag  uint64             // what Send gave
	Call *messages.CallInfo // the call that ended, or with SendOnly was accepted
	Err  error              // a *messages.Error: the request was refused for good
}

// Stream sends calls one after the other, without waiting for their ends, and
// gives answers as they come, in any order. When the node dies it goes on with
// the next, and sends again, under the same keys, what has no answer yet. Send
// and Receive may be used by two goroutines at once; whoever sends more than
// MaxUnanswered requests must receive meanwhile.
type Stream struct {
	client *Client
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // run has ended

	places  chan struct{} // one for each request whose answer was not received
	answers chan Answer   // as long as places: an answer always has room
	wake    chan struct{} // there is something to send, or nothing more will come

	mu      sync.Mutex
	pending map[uint64]*request
	unsent  []uint64 // tags, in the order to be sent
	tag     uint64
	closed  bool
	err     error // why the stream ended before its time
}

// request is one that has no answer yet.
type request struct {
	message  *messages.StreamRequest
	size     int       // bytes
	refusals int       // put off by the node in use
	since    time.Time // when it was first put off
	after    time.Time // not to be sent again before
}

// Stream opens a stream that lasts until it is closed or ctx ends. Close it.
func (c *Client) Stream(ctx context.Context) *Stream {
	ctx, cancel := context.WithCancel(ctx)
	s := &Stream{
		client: c, ctx: ctx, cancel: cancel, done: make(chan struct{}),
		places: make(chan struct{}, MaxUnanswered), answers: make(chan Answer, MaxUnanswered), wake: make(chan struct{}, 1),
		pending: map[uint64]*request{},
	}
	go s.run()
	return s
}

// Send sends a call, and gives the tag of its answer. It waits while
// MaxUnanswered are without one. An error is the stream's end.
func (s *Stream) Send(m *messages.RunRequest) (tag uint64, err error) { return s.send(m, false) }

// SendOnly is Send for a call whose answer is due when it is durable, not when
// it has ended.
func (s *Stream) SendOnly(m *messages.RunRequest) (tag uint64, err error) { return s.send(m, true) }

func (s *Stream) send(m *messages.RunRequest, noWait bool) (uint64, error) {
	m, err := withKey(m)
	if err != nil {
		return 0, err
	}
	select {
	case s.places <- struct{}{}:
	case <-s.done:
		return 0, s.failure()
	}
	size := proto.Size(m)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		<-s.places
		return 0, messages.Errorf(messages.Invalid, "send on", "stream", "it was closed for sending")
	}
	s.tag++
	tag := s.tag
	s.pending[tag] = &request{message: &messages.StreamRequest{Tag: tag, Run: m, NoWait: noWait}, size: size}
	s.unsent = append(s.unsent, tag)
	s.mu.Unlock()
	s.nudge()
	return tag, nil
}

// CloseSend says that no more requests come. Receive goes on to the last answer.
func (s *Stream) CloseSend() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.nudge()
}

// Receive gives the next answer; io.EOF after CloseSend and the last one.
func (s *Stream) Receive() (Answer, error) {
	select {
	case a := <-s.answers:
		<-s.places
		return a, nil
	case <-s.done:
	}
	select {
	case a := <-s.answers:
		<-s.places
		return a, nil
	default:
		return Answer{}, s.failure()
	}
}

// Close ends the stream. Requests without an answer may or may not have been
// accepted; with the same Id they can be sent again.
func (s *Stream) Close() {
	s.cancel()
	<-s.done
}

func (s *Stream) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	return io.EOF
}

func (s *Stream) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run goes from node to node until all is answered.
func (s *Stream) run() {
	defer close(s.done)
	defer s.cancel()
	t := s.client.newTries()
	for {
		answered := false
		n, err := s.client.node(s.ctx)
		if err == nil {
			answered, err = s.session(n.lane())
			if err == nil {
				return
			}
			if answered {
				s.client.reached.Store(true)
				*t = *s.client.newTries()
			}
			if err = s.client.restored(err); !tryAgain(s.ctx, err) {
				s.fail(t.final(s.ctx, err))
				return
			}
			s.client.leave(n)
		}
		if err := t.pause(s.ctx, err); err != nil {
			s.fail(err)
			return
		}
	}
}

func (s *Stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// session speaks to one node until all is answered (nil), or the node fails.
func (s *Stream) session(to *lane) (answered bool, err error) {
	ctx, cancel := context.WithCancel(s.ctx)
	stream := to.tasks.Stream(ctx)
	// Receive hears of the context's end only through this: while the request's
	// body is open and still, net/http does not look at the context.
	defer context.AfterFunc(ctx, func() { _ = stream.CloseResponse() })()
	s.restart()
	sent := make(chan error, 1)
	go func() {
		err := s.sendAll(ctx, stream)
		if err != nil {
			cancel() // Receive must not wait for a node that takes nothing
		}
		sent <- err
	}()
	defer func() { <-sent }()
	defer cancel()
	for {
		m, err := stream.Receive()
		if err != nil {
			if errors.Is(err, io.EOF) && s.finished() {
				return answered, nil
			}
			return answered, errors.Join(err, stream.CloseResponse())
		}
		answered = true
		if err := s.take(m); err != nil {
			return answered, err
		}
	}
}

// restart makes all that has no answer due to be sent, in order.
func (s *Stream) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsent = s.unsent[:0]
	for tag, r := range s.pending {
		r.refusals, r.after = 0, time.Time{}
		s.unsent = append(s.unsent, tag)
	}
	slices.Sort(s.unsent)
}

// sendAll sends what is due, as it becomes due, and closes its side when no
// more can come.
func (s *Stream) sendAll(ctx context.Context, stream *connect.BidiStreamForClient[messages.StreamRequest, messages.StreamResponse]) error {
	for {
		m, wait, finished := s.next()
		if finished {
			return stream.CloseRequest()
		}
		if m != nil {
			if err := stream.Send(m); err != nil {
				return err
			}
			continue
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-s.wake:
		case <-due:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next gives the requests that are due, as many as one frame takes, or how long
// to wait for the next one (0: for a nudge), or says that all has been answered.
func (s *Stream) next() (frame *messages.StreamRequest, wait time.Duration, finished bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, size := time.Now(), 0
	left := s.unsent[:0]
	for i, tag := range s.unsent {
		r := s.pending[tag] // it stays there until it was sent and answered
		if later := r.after.Sub(now); later > 0 {
			if wait == 0 || later < wait {
				wait = later
			}
			left = append(left, tag)
			continue
		}
		if size += r.size; frame != nil && (size > frameBytes || len(frame.More) == messages.MaxTogether-1) {
			left = append(left, s.unsent[i:]...)
			break
		}
		if m := r.message; frame == nil {
			frame = &messages.StreamRequest{Tag: m.Tag, Run: m.Run, NoWait: m.NoWait}
		} else {
			frame.More = append(frame.More, m)
		}
	}
	s.unsent = left
	return frame, wait, s.closed && len(s.pending) == 0
}

// finished says that nothing is left to be answered, now or later.
func (s *Stream) finished() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed && len(s.pending) == 0
}

// take hands the answers of a frame on. An error: this node puts off too often.
func (s *Stream) take(frame *messages.StreamResponse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.answered(frame)
	for _, m := range frame.More {
		if again := s.answered(m); err == nil {
			err = again
		}
	}
	return err
}

// answered hands an answer on, or puts the request off when another try may give
// a better one.
func (s *Stream) answered(m *messages.StreamResponse) error {
	r, ok := s.pending[m.Tag]
	if !ok {
		return nil
	}
	err := m.Error.Err()
	waits := r.message.Run.WaitFull && errors.Is(err, messages.Exhausted)
	if waits || err != nil && tryAgain(s.ctx, err) && s.patient(r) {
		if r.refusals = min(r.refusals+1, maxRefusals+1); r.refusals > maxRefusals && !waits {
			return err
		}
		r.after = time.Now().Add(notBefore(err, firstPause<<r.refusals))
		s.unsent = append(s.unsent, m.Tag)
		s.nudge()
		return nil
	}
	delete(s.pending, m.Tag)
	s.answers <- Answer{Tag: m.Tag, Call: m.Call, Err: err}
	if s.closed && len(s.pending) == 0 {
		s.nudge()
	}
	return nil
}

// patient says whether a request that was put off may be sent once more.
func (s *Stream) patient(r *request) bool {
	if r.since.IsZero() {
		r.since = time.Now()
	}
	patience := s.client.options.Patience
	return patience < 0 || time.Since(r.since) < patience
}
