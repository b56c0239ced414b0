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
	next    uint64 // id of the next request
	waiting map[uint64]chan answer
	// While it is too early to dial again, why the last dial failed.
	down      error
	downUntil time.Time
	downAt    string // address that was dialed: another one is tried at once
}

type answer struct {
	body []byte
	err  error
}

func (t *Transport) link(to messages.NodeID) (*link, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil {
		return nil, unsent{messages.Errorf(messages.Unavailable, "send to node", string(to), "this node is stopping")}
	}
	l, ok := t.links[to]
	if !ok {
		l = &link{t: t, to: to, frames: newQueue(), wake: make(chan struct{}, 1), waiting: map[uint64]chan answer{}}
		t.links[to] = l
		t.running.Go(l.run)
	}
	return l, nil
}

// Request asks a node and waits for the answer. A lost connection fails it at
// once with UNAVAILABLE; then only errors.Is(err, ErrNotSent) says that the
// node has not done what it was asked.
func (t *Transport) Request(ctx context.Context, to messages.NodeID, kind Kind, body []byte) ([]byte, error) {
	if err := checkBody("send request to node", to, body); err != nil {
		return nil, err
	}
	if to == t.config.Node {
		return t.answer(ctx, to, kind, body)
	}
	l, err := t.link(to)
	if err != nil {
		return nil, err
	}
	return l.request(ctx, kind, body)
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

func (l *link) request(ctx context.Context, kind Kind, body []byte) ([]byte, error) {
	l.mu.Lock()
	if err := l.tooEarly(); err != nil {
		l.mu.Unlock()
		return nil, err
	}
	l.next++
	id, reply := l.next, make(chan answer, 1)
	l.waiting[id] = reply
	if err := l.put(frame{form: formRequest, kind: kind, id: id, body: body}); err != nil {
		delete(l.waiting, id)
		l.mu.Unlock()
		return nil, err
	}
	l.mu.Unlock()
	select {
	case a := <-reply:
		return a.body, a.err
	case <-ctx.Done():
		l.mu.Lock()
		delete(l.waiting, id)
		l.mu.Unlock()
		l.frames.put(frame{form: formCancel, id: id}) // a full queue: the answer will find nobody
		return nil, ctx.Err()
	}
}

// tooEarly is why a connection must not be tried yet; mu is held.
func (l *link) tooEarly() error {
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
	for id, reply := range l.waiting {
		reply <- answer{err: err}
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
	reply, ok := l.waiting[f.id]
	delete(l.waiting, f.id)
	l.mu.Unlock()
	if !ok {
		return // whoever asked has gone
	}
	if f.form == formError {
		reply <- answer{err: decodeError(f.body)}
		return
	}
	reply <- answer{body: f.body}
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
