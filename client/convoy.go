package client

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

const (
	convoyAfter = 100 * time.Millisecond // a call that comes sooner after another is one of many
	convoyBytes = 16 << 10               // a larger call goes by itself: others do not wait behind it
	convoyIdle  = 2 * time.Second        // a stream that carries nothing for so long is closed
)

// convoy carries calls of many goroutines over one stream of a lane, each as if
// it were a request of its own: calls that come together go in one frame, and so do
// their answers. A request by itself costs both sides two to three times as much.
type convoy struct {
	stream  *connect.BidiStreamForClient[messages.StreamRequest, messages.StreamResponse]
	cancel  context.CancelFunc
	done    chan struct{} // closed when nothing more is received
	idle    *time.Timer
	sending sync.WaitGroup

	mu      sync.Mutex
	waiting map[uint64]chan<- *messages.StreamResponse // by tag; nil is told: see err
	given   int                                        // calls that nobody waits for any more; they have their places at the node until they end
	unsent  []*messages.StreamRequest
	sends   bool // a goroutine is sending
	used    bool // since the timer was set
	ended   bool // it takes no more
	tag     uint64
	err     error // why it broke off
}

// convoys are those of a lane: at most one takes calls.
type convoys struct {
	open func(context.Context) *connect.BidiStreamForClient[messages.StreamRequest, messages.StreamResponse]

	mu     sync.Mutex
	last   time.Time // when a call came
	up     *convoy
	closed bool // calls go by themselves
}

// join gives the convoy that a call goes with; nil: it goes by itself, as those do that
// ask for more than a call's end, and those that are large or alone.
func (s *convoys) join(m *messages.RunRequest) *convoy {
	if m.Timeout != 0 || m.WaitFull || proto.Size(m) > convoyBytes {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.last
	s.last = time.Now()
	switch {
	case s.closed:
		return nil
	case s.up != nil && !s.up.over():
		return s.up
	case s.last.Sub(before) > convoyAfter:
		return nil
	}
	s.up = startConvoy(s.open)
	return s.up
}

// close ends what nobody waits for. What is under way goes on to its end.
func (s *convoys) close() {
	s.mu.Lock()
	s.closed = true
	up := s.up
	s.mu.Unlock()
	if up != nil && up.leave() {
		<-up.done
	}
}

func startConvoy(open func(context.Context) *connect.BidiStreamForClient[messages.StreamRequest, messages.StreamResponse]) *convoy {
	ctx, cancel := context.WithCancel(context.Background()) // it outlives the call that it was begun for
	v := &convoy{stream: open(ctx), cancel: cancel, done: make(chan struct{}), waiting: map[uint64]chan<- *messages.StreamResponse{}}
	v.idle = time.AfterFunc(convoyIdle, v.look)
	go v.receive(ctx)
	return v
}

// call sends a call and waits for its answer. taken is false when there is no
// place: the call goes by itself then.
func (v *convoy) call(ctx context.Context, m *messages.RunRequest) (info *messages.CallInfo, taken bool, err error) {
	answer := make(chan *messages.StreamResponse, 1)
	tag, taken := v.add(m, answer)
	if !taken {
		return nil, false, nil
	}
	select {
	case a := <-answer:
		if a == nil {
			return nil, true, v.err // written before the answer was
		}
		return a.Call, true, a.Error.Err()
	case <-ctx.Done():
		v.give(tag)
		return nil, true, ctx.Err()
	}
}

// add gives a call its place, and has it sent.
func (v *convoy) add(m *messages.RunRequest, answer chan<- *messages.StreamResponse) (tag uint64, taken bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ended || len(v.waiting)+v.given >= MaxUnanswered {
		return 0, false
	}
	v.tag++
	v.used = true
	v.waiting[v.tag] = answer
	v.unsent = append(v.unsent, &messages.StreamRequest{Tag: v.tag, Run: m})
	if !v.sends {
		v.sends = true
		v.sending.Go(v.send)
	}
	return v.tag, true
}

// send sends what there is. Those who come meanwhile find that it is being done.
func (v *convoy) send() {
	runtime.Gosched() // those whose answers came with the one before are about to call again
	for frame := v.next(); frame != nil; frame = v.next() {
		err := v.stream.Send(frame)
		if errors.Is(err, io.EOF) {
			return // the node has ended the stream: receive hears why
		}
		if err != nil {
			v.fail(err)
			return
		}
	}
}

// next gives as many calls as one frame takes; nil: there is none.
func (v *convoy) next() *messages.StreamRequest {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.unsent) == 0 {
		v.sends = false
		return nil
	}
	n, size := 1, proto.Size(v.unsent[0])
	for n < min(len(v.unsent), messages.MaxTogether) {
		if size += proto.Size(v.unsent[n]); size > frameBytes {
			break
		}
		n++
	}
	frame := v.unsent[0]
	frame.More = append(frame.More, v.unsent[1:n]...)
	if v.unsent = v.unsent[n:]; len(v.unsent) == 0 {
		v.unsent = nil
	}
	return frame
}

func (v *convoy) receive(ctx context.Context) {
	defer close(v.done)
	defer v.sending.Wait()
	defer v.cancel()
	defer v.idle.Stop()
	// As with a Stream: Receive does not hear of the context's end by itself.
	defer context.AfterFunc(ctx, func() { _ = v.stream.CloseResponse() })()
	for {
		frame, err := v.stream.Receive()
		if err != nil {
			v.fail(errors.Join(err, v.stream.CloseResponse()))
			return
		}
		v.answered(frame)
	}
}

func (v *convoy) answered(frame *messages.StreamResponse) {
	v.mu.Lock()
	defer v.mu.Unlock()
	more := frame.More
	frame.More = nil // or one who keeps an answer would keep the others
	v.tell(frame)
	for _, m := range more {
		v.tell(m)
	}
	v.settle()
}

func (v *convoy) tell(m *messages.StreamResponse) {
	answer, ok := v.waiting[m.Tag]
	if !ok {
		v.given--
		return
	}
	delete(v.waiting, m.Tag)
	answer <- m
}

// give makes a call one that nobody waits for.
func (v *convoy) give(tag uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.waiting[tag]; !ok {
		return
	}
	delete(v.waiting, tag)
	if v.given++; v.given >= MaxUnanswered/2 {
		v.ended = true // the others keep their stream, and who comes gets a new one
	}
	v.settle()
}

// settle ends a convoy of nothing but calls that nobody waits for, so that the
// node hears of it, and one that has been left.
func (v *convoy) settle() {
	if len(v.waiting) == 0 && (v.ended || v.given > 0) {
		v.ended = true
		v.cancel()
	}
}

// over says whether it takes no more.
func (v *convoy) over() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ended
}

// leave makes it take no more, and says whether that was all.
func (v *convoy) leave() (empty bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ended = true
	v.settle()
	return len(v.waiting) == 0
}

// look ends a convoy that was not used since it was last looked at.
func (v *convoy) look() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.used && len(v.waiting) == 0 {
		v.ended = true
		v.settle()
	}
	if v.used = false; !v.ended {
		v.idle.Reset(convoyIdle)
	}
}

// fail tells all that wait why there will be no answer. The first reason counts.
func (v *convoy) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ended = true
	if v.err == nil {
		v.err = err
	}
	for _, answer := range v.waiting {
		answer <- nil
	}
	clear(v.waiting)
	v.unsent = nil
	v.cancel()
}
