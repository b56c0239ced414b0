package peer

import (
	"context"
	"runtime/debug"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// maxTogether is how many requests are handed to their handler at once.
const maxTogether = 256

// Together answers requests of one kind that a peer sent at the same moment: one
// goroutine waits for all of them. It returns when each has its answer. ctx ends
// when the peer has gone.
type Together func(ctx context.Context, from messages.NodeID, asked *Asked)

// Asked is what came together. On the wire each is a request of its own, which is
// answered, refused and given up by itself.
type Asked struct {
	bodies [][]byte
	answer func(i int, m proto.Message, err error)

	mu   sync.Mutex
	told []bool // by number
	left []int  // numbers that were given up before anybody wanted to know
	gone func(i int)
}

// NewAsked has answer called once for each, by its number. It must not block.
func NewAsked(bodies [][]byte, answer func(i int, m proto.Message, err error)) *Asked {
	return &Asked{bodies: bodies, answer: answer, told: make([]bool, len(bodies))}
}

// Bodies are those of the requests, by number. They are the handler's.
func (a *Asked) Bodies() [][]byte { return a.bodies }

// Answer gives one its answer, which must not change any more, or an error. It does
// not block. Only the first counts.
func (a *Asked) Answer(i int, m proto.Message, err error) {
	a.mu.Lock()
	first := !a.told[i]
	a.told[i] = true
	a.mu.Unlock()
	if first {
		a.answer(i, m, err)
	}
}

// OnGone has f called with the number of each that nobody waits for any more, from
// any goroutine. It must not block.
func (a *Asked) OnGone(f func(i int)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = f
	for _, i := range a.left {
		f(i)
	}
	a.left = nil
}

// Gone says that nobody waits for one any more.
func (a *Asked) Gone(i int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone == nil {
		a.left = append(a.left, i)
		return
	}
	a.gone(i)
}

// HandleTogether is Handle for a kind whose requests are answered several at a time.
func (t *Transport) HandleTogether(kind Kind, h Together) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.together[kind] = h
}

func (t *Transport) togetherHandler(kind Kind) Together {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.together[kind]
}

// beginTogether answers those of several requests for which there is room.
func (s *served) beginTogether(ctx context.Context, h Together, all []frame) {
	kind, ids, bodies := all[0].kind, make([]uint64, 0, len(all)), make([][]byte, 0, len(all))
	for _, f := range all {
		if s.admit(f) {
			ids, bodies = append(ids, f.id), append(bodies, f.body)
		}
	}
	a := NewAsked(bodies, func(i int, m proto.Message, err error) {
		s.tell(told{to: s.c.node, kind: kind, id: ids[i], message: m, err: err})
	})
	s.mu.Lock()
	for i, id := range ids {
		s.running[id] = func() { a.Gone(i) }
	}
	s.mu.Unlock()
	s.handlers.Go(func() { s.answerTogether(ctx, h, kind, a) })
}

// answerTogether calls a handler. One that panics fails what it has not answered
// yet, not the node.
func (s *served) answerTogether(ctx context.Context, h Together, kind Kind, a *Asked) {
	defer func() {
		err := error(messages.Errorf(messages.Unavailable, "ask node", string(s.t.config.Node), "it gave no answer"))
		if p := recover(); p != nil {
			err = s.t.panicked(kind, s.c.node, p, debug.Stack())
		}
		for i := range a.bodies {
			a.Answer(i, nil, err)
		}
	}()
	h(ctx, s.c.node, a)
}

// tell sends the answer to one of several requests, with whatever else is about to
// be sent.
func (s *served) tell(answer told) {
	s.mu.Lock()
	delete(s.running, answer.id)
	s.mu.Unlock()
	<-s.t.requests
	if s.frames.tell(answer) != nil {
		s.c.Close() // it asks without end and reads nothing
	}
}
