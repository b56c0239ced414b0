package raftstore

import (
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore/wire"
)

// pulse sends the heartbeats of all groups that this node leads, and hears those
// of other nodes. What is due for a node at the same moment goes as one message,
// on a connection that carries nothing else: neither entries nor a slow disk hold
// a heartbeat up.
type pulse struct {
	layer raft.StreamLayer // nil: there are no other nodes
	rpc   time.Duration    // a heartbeat without an answer for this long has failed
	inbox func(messages.GroupID) *transport
	wake  chan struct{} // something is due before the next moment that is known

	mu     sync.Mutex
	links  []*pulseLink
	next   time.Time // when something is due next; zero: nothing is
	served map[net.Conn]struct{}

	closed chan struct{}
	done   sync.WaitGroup
}

// pulseLink is the way to one node. The pulse's lock guards all of it.
type pulseLink struct {
	to      raft.ServerAddress
	waiting []*beat          // not sent yet
	unheard map[uint64]*beat // sent, and not answered yet
	number  uint64           // of the last that was sent
	conn    net.Conn         // nil: there is none
	stream  *wire.Stream
	heard   time.Time // when something came last, or the connection was made
	dialing bool
}

// beat is one heartbeat of a group.
type beat struct {
	group messages.GroupID
	id    raft.ServerID
	to    raft.ServerAddress
	req   *raft.AppendEntriesRequest
	beats *heartbeats
	own   func() uint64 // where the log ends here
	due   time.Time     // zero: now

	// Of the answer, once done is closed.
	asked report
	resp  raft.AppendEntriesResponse
	err   error
	done  chan struct{}
}

var (
	errNoPulse = errors.New("the connection for heartbeats has ended")
	errSilent  = errors.New("no answer to a heartbeat")
)

// sendSlack is how far apart heartbeats may be due that go together.
const sendSlack = time.Millisecond

func startPulse(layer raft.StreamLayer, rpc time.Duration, inbox func(messages.GroupID) *transport) *pulse {
	p := &pulse{layer: layer, rpc: rpc, inbox: inbox, wake: make(chan struct{}, 1), served: map[net.Conn]struct{}{}, closed: make(chan struct{})}
	if layer != nil {
		p.done.Go(p.run)
		p.done.Go(p.accept)
	}
	return p
}

// send has a heartbeat sent when it is due, and waits for the answer.
func (p *pulse) send(b *beat, ending <-chan struct{}) error {
	if p.layer == nil {
		return errNoPulse
	}
	b.done = make(chan struct{})
	p.mu.Lock()
	l := p.link(b.to)
	b.due = b.beats.due(b.id) // with the lock held, so that no hurry comes between
	l.waiting = append(l.waiting, b)
	sooner := p.next.IsZero() || b.due.Before(p.next)
	p.mu.Unlock()
	if sooner {
		p.look()
	}
	select {
	case <-b.done:
		return b.err
	case <-ending:
	case <-p.closed:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(w *beat) bool { return w == b })
	return errNoPulse
}

func (p *pulse) look() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// hurry makes what waits of a group due at once.
func (p *pulse) hurry(group messages.GroupID) {
	p.mu.Lock()
	for _, l := range p.links {
		for _, b := range l.waiting {
			if b.group == group {
				b.due = time.Time{}
			}
		}
	}
	p.mu.Unlock()
	p.look()
}

// link is called with the lock held.
func (p *pulse) link(to raft.ServerAddress) *pulseLink {
	for _, l := range p.links {
		if l.to == to {
			return l
		}
	}
	l := &pulseLink{to: to, unheard: map[uint64]*beat{}}
	p.links = append(p.links, l)
	return l
}

// run sends what is due until the pulse is closed.
func (p *pulse) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-p.wake:
		case <-p.closed:
			return
		}
		if next := p.sendDue(time.Now()); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

// message is what goes to one node now.
type message struct {
	link   *pulseLink
	conn   net.Conn
	stream *wire.Stream
	beats  []wire.Beat
}

// sendDue sends what is due, and says when to look again; zero: when it is told.
func (p *pulse) sendDue(now time.Time) (next time.Time) {
	p.mu.Lock()
	var all []message
	for _, l := range p.links {
		if m := p.collect(l, now); m.beats != nil {
			all = append(all, m)
		}
		if at := p.nextOf(l, now); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	p.next = next
	p.mu.Unlock()
	for _, m := range all {
		m.conn.SetWriteDeadline(now.Add(p.rpc))
		if err := m.stream.WriteBeats(m.beats); err != nil {
			p.broke(m.link, m.conn, err)
		}
	}
	return next
}

// collect takes what is due for a node. It is called with the lock held.
func (p *pulse) collect(l *pulseLink, now time.Time) message {
	for number, b := range l.unheard {
		if now.Sub(b.asked.when) < p.rpc {
			continue
		}
		delete(l.unheard, number)
		b.end(errSilent) // its group waits for its disk, perhaps
		if now.Sub(l.heard) >= p.rpc {
			l.fail(errSilent)
		}
	}
	isDue := func(b *beat) bool { return b.due.Before(now.Add(sendSlack)) }
	if l.dialing || !slices.ContainsFunc(l.waiting, isDue) {
		return message{}
	}
	if l.conn == nil {
		l.dialing = true
		p.done.Go(func() { p.dial(l) })
		return message{}
	}
	m := message{link: l, conn: l.conn, stream: l.stream}
	for _, b := range l.waiting {
		if !isDue(b) {
			continue
		}
		l.number++
		b.asked = report{term: b.req.Term, when: now, own: b.own()}
		l.unheard[l.number] = b
		m.beats = append(m.beats, wire.Beat{Number: l.number, Group: b.group, Request: b.req})
	}
	l.waiting = slices.DeleteFunc(l.waiting, isDue)
	return m
}

// nextOf is when to look after a node again. It is called with the lock held.
func (p *pulse) nextOf(l *pulseLink, now time.Time) (next time.Time) {
	sooner := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	for _, b := range l.unheard {
		sooner(b.asked.when.Add(p.rpc))
		if again := b.beats.momentBy(b.asked.when.Add(b.beats.every)); again.After(now) {
			sooner(again) // its group's next comes until then, most likely
		}
	}
	if !l.dialing {
		for _, b := range l.waiting {
			sooner(b.due)
		}
	}
	return next
}

// dial connects to a node; whoever waits for it fails if it cannot be reached.
func (p *pulse) dial(l *pulseLink) {
	conn, err := p.layer.Dial(l.to, p.rpc)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.look()
	l.dialing = false
	select {
	case <-p.closed:
		if err == nil {
			conn.Close()
		}
		return
	default:
	}
	if err != nil {
		for _, b := range l.waiting {
			b.end(err)
		}
		l.waiting = nil
		return
	}
	stream := wire.New(conn)
	l.conn, l.stream, l.heard = conn, stream, time.Now()
	p.done.Go(func() { p.hear(l, conn, stream) })
}

// hear takes in a node's answers until the connection ends.
func (p *pulse) hear(l *pulseLink, conn net.Conn, stream *wire.Stream) {
	for {
		echoes, err := stream.ReadEchoes()
		if err != nil {
			p.broke(l, conn, err)
			return
		}
		p.mu.Lock()
		l.heard = time.Now()
		for _, e := range echoes {
			b := l.unheard[e.Number]
			if b == nil {
				continue
			}
			delete(l.unheard, e.Number)
			if e.Response != nil {
				b.resp = *e.Response
			}
			if e.Failed != "" || e.Response == nil {
				b.end(wire.Refusal(e.Failed))
			} else {
				b.end(nil)
			}
		}
		p.mu.Unlock()
	}
}

// broke ends a connection, if it is still the link's.
func (p *pulse) broke(l *pulseLink, conn net.Conn, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	conn.Close()
	if l.conn == conn {
		l.fail(err)
	}
}

// fail gives a connection up, with all that it owes. It is called with the lock held.
func (l *pulseLink) fail(err error) {
	if l.conn != nil {
		l.conn.Close()
	}
	l.conn, l.stream = nil, nil
	for _, b := range l.unheard {
		b.end(err)
	}
	clear(l.unheard)
}

func (b *beat) end(err error) {
	b.err = err
	close(b.done)
}

// close ends all connections. It is called when no group runs any more.
func (p *pulse) close() {
	close(p.closed)
	if p.layer == nil {
		return
	}
	p.layer.Close()
	p.mu.Lock()
	for _, l := range p.links {
		l.fail(errNoPulse)
	}
	for conn := range p.served {
		conn.Close()
	}
	p.mu.Unlock()
	p.done.Wait()
}
