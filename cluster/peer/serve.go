package peer

import (
	"bufio"
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
)

// overloaded is how long a peer should wait that asked too much at once.
const overloaded = 50 * time.Millisecond

// served is a connection on which a peer asks this node.
type served struct {
	t      *Transport
	c      *conn
	frames *queue
	// messages waits for the ordered handler of one-way messages.
	messages chan frame
	handlers sync.WaitGroup

	mu      sync.Mutex
	running map[uint64]func() // by request, for when nobody waits for it any more
}

// serveMessages answers a peer until the connection is lost.
func (t *Transport) serveMessages(c *conn) {
	t.notify(true, c.node)
	s := &served{t: t, c: c, frames: newQueue(), messages: make(chan frame, maxMessages), running: map[uint64]func(){}}
	ctx, cancel := context.WithCancel(t.ctx)
	done := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() { s.frames.writeTo(c, done) })
	others.Go(func() { s.takeMessages(ctx) })

	s.read(ctx)

	c.Close()
	cancel()
	s.frames.close()
	close(done)
	close(s.messages)
	s.handlers.Wait()
	others.Wait()
	t.notify(false, c.node)
}

func (s *served) read(ctx context.Context) {
	r := bufio.NewReaderSize(s.c, readBuffer)
	for {
		f, err := readFrame(r)
		if err != nil {
			return
		}
		switch f.form {
		case formRequest:
			if h := s.t.togetherHandler(f.kind); h != nil {
				s.beginTogether(ctx, h, gather(r, f))
			} else {
				s.begin(ctx, f)
			}
		case formCancel:
			s.end(f.id)
		case formMessage:
			select {
			case s.messages <- f:
			default: // lossy: the handler is too far behind
			}
		}
	}
}

// admit says whether there is room for a request, and refuses it if not.
func (s *served) admit(f frame) bool {
	select {
	case s.t.requests <- struct{}{}:
		return true
	default:
	}
	busy := messages.Errorf(messages.Unavailable, "ask node", string(s.t.config.Node), "it answers %d requests already", maxHandlers)
	busy.RetryAfter = overloaded
	if s.frames.put(frame{form: formError, kind: f.kind, id: f.id, body: encodeError(busy)}) != nil {
		s.c.Close() // it asks without end and reads nothing
	}
	return false
}

// begin answers a request in a goroutine of its own, if there is room.
func (s *served) begin(ctx context.Context, f frame) {
	if !s.admit(f) {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.running[f.id] = cancel
	s.mu.Unlock()
	s.handlers.Go(func() {
		body, err := s.t.answer(ctx, s.c.node, f.kind, f.body)
		<-s.t.requests
		s.end(f.id)
		reply := frame{form: formAnswer, kind: f.kind, id: f.id, body: body}
		if err == nil {
			err = checkBody("answer node", s.c.node, body)
		}
		if err != nil {
			reply.form, reply.body = formError, encodeError(err)
		}
		s.frames.putWaiting(reply)
	})
}

// end ends a request, because it was answered or is not wanted.
func (s *served) end(id uint64) {
	s.mu.Lock()
	give, ok := s.running[id]
	delete(s.running, id)
	s.mu.Unlock()
	if ok {
		give()
	}
}

func (s *served) takeMessages(ctx context.Context) {
	for f := range s.messages {
		if ctx.Err() == nil {
			s.t.answer(ctx, s.c.node, f.kind, f.body)
		}
	}
}

// answer calls a handler. A handler that panics fails its request, not the node.
func (t *Transport) answer(ctx context.Context, from messages.NodeID, kind Kind, body []byte) (reply []byte, err error) {
	h, err := t.handler(kind)
	if err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			reply, err = nil, t.panicked(kind, from, p, debug.Stack())
		}
	}()
	return h(ctx, from, body)
}

// panicked notes a handler's panic, and gives what its peer is told.
func (t *Transport) panicked(kind Kind, from messages.NodeID, p any, stack []byte) error {
	t.config.Logger.Error("handler panicked", "kind", kind, "peer", from, "panic", p, "stack", string(stack))
	return &messages.Error{Kind: messages.ErrorKind_INTERNAL, Op: "ask node", Subject: string(t.config.Node), Reason: "the handler panicked; its log says where"}
}

// loopMessage is a one-way message of the node to itself.
type loopMessage struct {
	kind Kind
	body []byte
}

func (t *Transport) sendLoopback(kind Kind, body []byte) error {
	select {
	case t.loopback <- loopMessage{kind, body}:
		return nil
	default:
		return unsent{messages.Errorf(messages.Exhausted, "send message to node", string(t.config.Node), "%d messages wait already", maxMessages)}
	}
}

func (t *Transport) runLoopback() {
	for {
		select {
		case m := <-t.loopback:
			t.answer(t.ctx, t.config.Node, m.kind, m.body)
		case <-t.ctx.Done():
			return
		}
	}
}
