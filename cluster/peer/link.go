package peer

import (
	"bufio"
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

const (
	minRedial  = 50 * time.Millisecond
	maxRedial  = time.Second
	readBuffer = 64 << 10
)

// link is this node's way to ask one peer: a connection that is made when it
// is needed, and made again when it was lost.
type link struct {
	t      *Transport
	to     messages.NodeID
	frames *queue
	wake   chan struct{} // holds a token while somebody wants a connection

	mu      sync.Mutex
	next    uint64             // id of the next request
	waiting map[uint64]waiting // by request
	// While it is too early to dial again, why the last dial failed.
	down      error
	downUntil time.Time
	downAt    string // address that was dialed: another one is tried at once
}

// waiting is where the answer to one of a caller's requests is due.
type waiting struct {
	answers chan<- answer // buffered for all of them
	number  int
}

type answer struct {
	number int
	body   []byte
	err    error
}

func (t *Transport) link(to messages.NodeID) (*link, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.stopping(to); err != nil {
		return nil, err
	}
	l, ok := t.links[to]
	if !ok {
		l = &link{t: t, to: to, frames: newQueue(), wake: make(chan struct{}, 1), waiting: map[uint64]waiting{}}
		t.links[to] = l
		t.running.Go(l.run)
	}
	return l, nil
}

// stopping is why nothing can be sent to a node any more.
func (t *Transport) stopping(to messages.NodeID) error {
	if t.ctx.Err() == nil {
		return nil
	}
	return unsent{messages.Errorf(messages.Unavailable, "send to node", string(to), "this node is stopping")}
}

// Request asks a node and waits for the answer. A lost connection fails it at
// once with UNAVAILABLE; then only errors.Is(err, ErrNotSent) says that the
// node has not done what it was asked.
func (t *Transport) Request(ctx context.Context, to messages.NodeID, kind Kind, body []byte) (answer []byte, err error) {
	if to == t.config.Node {
		return t.answer(ctx, to, kind, body)
	}
	l, err := t.link(to)
	if err != nil {
		return nil, err
	}
	l.requests(ctx, kind, [][]byte{body}, func(_ int, a []byte, e error) { answer, err = a, e })
	return answer, err
}

// Requests is Request for several that go to another node together; it keeps bodies.
// answered hears of each of them once, on the caller's goroutine, before Requests returns.
func (t *Transport) Requests(ctx context.Context, to messages.NodeID, kind Kind, bodies [][]byte, answered func(i int, body []byte, err error)) {
	l, err := t.link(to)
	if err != nil {
		for i := range bodies {
			answered(i, nil, err)
		}
		return
	}
	l.requests(ctx, kind, bodies, answered)
}

// Send sends a one-way message. Messages to a node arrive in order, and may be
// lost: an error says that this one surely is.
func (t *Transport) Send(to messages.NodeID, kind Kind, body []byte) error {
	if err := checkBody("send message to node", to, body); err != nil {
		return err
	}
	if to == t.config.Node {
		return t.sendLoopback(kind, body)
	}
	l, err := t.link(to)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.tooEarly(); err != nil {
		return err
	}
	return l.put(frame{form: formMessage, kind: kind, body: body})
}

func (l *link) requests(ctx context.Context, kind Kind, bodies [][]byte, answered func(i int, body []byte, err error)) {
	answers := make(chan answer, len(bodies))
	first := l.begin(kind, bodies, answers)
	done := ctx.Done()
	for left := len(bodies); left > 0; {
		select {
		case a := <-answers:
			left--
			answered(a.number, a.body, a.err)
		case <-done:
			done = nil
			l.give(first, len(bodies), ctx.Err())
		}
	}
}

// begin queues requests, whose ids follow each other. Those that cannot be sent are
// answered at once.
func (l *link) begin(kind Kind, bodies [][]byte, answers chan<- answer) (first uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first = l.next + 1
	l.next += uint64(len(bodies))
	early := l.tooEarly()
	for i, body := range bodies {
		err, id := early, first+uint64(i)
		if err == nil {
			err = checkBody("send request to node", l.to, body)
		}
		if err == nil {
			err = l.put(frame{form: formRequest, kind: kind, id: id, body: body})
		}
		bodies[i] = nil // the answer may take long
		if err != nil {
			answers <- answer{number: i, err: err}
			continue
		}
		l.waiting[id] = waiting{answers, i}
	}
	return first
}

// give makes requests that nobody waits for of those that have no answer yet.
func (l *link) give(first uint64, n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := first; id < first+uint64(n); id++ {
		if w, ok := l.waiting[id]; ok {
			delete(l.waiting, id)
			w.answers <- answer{number: w.number, err: err}
			l.frames.put(frame{form: formCancel, id: id}) // a full queue: the answer will find nobody
		}
	}
}

// tooEarly is why a connection must not be tried yet, or never; mu is held.
func (l *link) tooEarly() error {
	if err := l.t.stopping(l.to); err != nil {
		return err // run has ended, or is about to
	}
	if l.down == nil {
		return nil
	}
	if address, _ := l.t.config.Resolve(l.to); address != l.downAt || !time.Now().Before(l.downUntil) {
		l.down = nil
		return nil
	}
	return notSent(l.down)
}

func (l *link) put(f frame) error {
	if err := l.frames.put(f); err != nil {
		return notSent(err)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return nil
}

// run owns the connection: one at a time, until the transport closes.
func (l *link) run() {
	stopped := messages.Errorf(messages.Unavailable, "send to node", string(l.to), "this node is stopping")
	delay := minRedial
	for {
		select {
		case <-l.wake:
		case <-l.t.ctx.Done():
			l.fail(stopped, 0)
			return
		}
		c, err := l.t.dial(l.t.ctx, l.to, useMessages, 0)
		if err != nil {
			l.fail(notSent(err), delay)
			delay = min(2*delay, maxRedial)
			continue
		}
		delay = minRedial
		l.t.notify(true, l.to)
		l.use(c)
		l.fail(messages.Errorf(messages.Unavailable, "wait for an answer of node", string(l.to), "the connection was lost"), 0)
		l.t.notify(false, l.to)
	}
}

// fail gives everybody who waits the error, and forgets what was to be sent.
// For the pause new requests fail at once with the same.
func (l *link) fail(err error, pause time.Duration) {
	address, _ := l.t.config.Resolve(l.to)
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, w := range l.waiting {
		w.answers <- answer{number: w.number, err: err}
		delete(l.waiting, id)
	}
	l.frames.clear()
	select {
	case <-l.wake:
	default:
	}
	if pause > 0 {
		l.down, l.downUntil, l.downAt = err, time.Now().Add(pause), address
	}
}

// use sends what is queued and takes answers until the connection is lost.
func (l *link) use(c *conn) {
	done := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() { l.frames.writeTo(c, done) })
	defer writer.Wait()
	defer close(done)
	defer c.Close()
	r := bufio.NewReaderSize(c, readBuffer)
	for {
		f, err := readFrame(r)
		if err != nil {
			return
		}
		l.deliver(f)
	}
}

func (l *link) deliver(f frame) {
	l.mu.Lock()
	w, ok := l.waiting[f.id]
	delete(l.waiting, f.id)
	l.mu.Unlock()
	if !ok {
		return // whoever asked has gone
	}
	a := answer{number: w.number, body: f.body}
	if f.form == formError {
		a.body, a.err = nil, decodeError(f.body)
	}
	w.answers <- a
}

func encodeError(err error) []byte {
	b, _ := proto.Marshal(messages.InfoOf(err)) // strings made valid by the caller's error
	return b
}

func decodeError(b []byte) error {
	info := new(messages.ErrorInfo)
	if err := proto.Unmarshal(b, info); err != nil {
		return messages.Errorf(messages.Unavailable, "read a peer's error", "", "%v", err)
	}
	return info.Err()
}
