package raftstore

import (
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore/wire"
)

const beatTimeout = 300 * time.Millisecond // and so 100 between two

// pairLayer connects two nodes, and counts the messages from the one that dials.
type pairLayer struct {
	accepted chan net.Conn
	other    *pairLayer
	closed   chan struct{}
	once     sync.Once

	mu       sync.Mutex
	messages int
	conns    []net.Conn
}

func newPair() (a, b *pairLayer) {
	a = &pairLayer{accepted: make(chan net.Conn), closed: make(chan struct{})}
	b = &pairLayer{accepted: make(chan net.Conn), closed: make(chan struct{}), other: a}
	a.other = b
	return a, b
}

type countedConn struct {
	net.Conn
	of *pairLayer
}

func (c countedConn) Write(b []byte) (int, error) {
	c.of.mu.Lock()
	c.of.messages++
	c.of.mu.Unlock()
	return c.Conn.Write(b)
}

func (l *pairLayer) Dial(raft.ServerAddress, time.Duration) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.other.accepted <- theirs:
	case <-l.other.closed:
		return nil, net.ErrClosed
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, ours)
	return countedConn{ours, l}, nil
}

func (l *pairLayer) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pairLayer) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pairLayer) Addr() net.Addr { return &net.UnixAddr{Name: "pair"} }

// sentMessages says how many there were since it was asked last.
func (l *pairLayer) sentMessages() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.messages
	l.messages = 0
	return n
}

// beating is two groups of node a, with a follower of each on node b.
type beating struct {
	from   *pairLayer
	pulse  *pulse
	groups map[messages.GroupID]*heartbeats
	slow   time.Duration // how long the raft of group 2 takes
}

const beatRPC = time.Second

// startBeating runs within a bubble; end is to be called at its end.
func startBeating(slow time.Duration) (b *beating, end func()) {
	from, to := newPair()
	b = &beating{from: from, groups: map[messages.GroupID]*heartbeats{}, slow: slow}
	b.pulse = startPulse(from, beatRPC, nil)
	followers := map[messages.GroupID]*transport{}
	closed := make(chan struct{})
	var rafts sync.WaitGroup
	for id := messages.GroupID(1); id <= 2; id++ {
		b.groups[id] = newHeartbeats(beatTimeout, func() { b.pulse.hurry(id) })
		f := &transport{requests: make(chan raft.RPC, maxRequests), closed: closed}
		followers[id] = f
		rafts.Go(func() { b.follow(id, f) })
	}
	served := startPulse(to, beatRPC, func(id messages.GroupID) *transport { return followers[id] })
	return b, func() {
		b.pulse.close()
		close(closed)
		served.close()
		rafts.Wait()
	}
}

// follow is the follower's raft.
func (b *beating) follow(id messages.GroupID, f *transport) {
	for {
		select {
		case rpc := <-f.requests:
			if id == 2 {
				time.Sleep(b.slow)
			}
			q := rpc.Command.(*raft.AppendEntriesRequest)
			rpc.Respond(&raft.AppendEntriesResponse{Term: q.Term, LastLog: uint64(id), Success: true}, nil)
		case <-f.closed:
			return
		}
	}
}

// beat sends a group's heartbeat when it is due, and says when it was sent.
func (b *beating) beat(id messages.GroupID) (time.Time, error) {
	h := b.groups[id]
	one := &beat{group: id, id: "b/1", to: "b", req: &raft.AppendEntriesRequest{Term: 5}, beats: h, own: func() uint64 { return 9 }}
	if err := b.pulse.send(one, nil); err != nil {
		h.failed("b/1")
		return time.Time{}, err
	}
	h.answered("b/1", one.asked.when)
	return one.asked.when, nil
}

// TestHeartbeatsOfAllGroupsGoTogether: groups that began at different times come to
// one moment and one message, and none is ever further apart than it may be.
func TestHeartbeatsOfAllGroupsGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, end := startBeating(0)
		defer end()
		last := map[messages.GroupID]time.Time{}
		for id := range b.groups {
			time.Sleep(37 * time.Millisecond)
			last[id], _ = b.beat(id)
		}
		for range 5 {
			time.Sleep(20 * time.Millisecond)
			b.from.sentMessages()
			var both sync.WaitGroup
			var mu sync.Mutex
			for id := range b.groups {
				both.Go(func() {
					now, err := b.beat(id)
					mu.Lock()
					defer mu.Unlock()
					if apart := now.Sub(last[id]); err != nil || apart > 100*time.Millisecond {
						t.Errorf("group %d is heard after %s, %v", id, apart, err)
					}
					last[id] = now
				})
			}
			both.Wait()
		}
		if n := b.from.sentMessages(); n != 1 {
			t.Errorf("two groups' heartbeats are %d messages", n)
		}
		if last[1] != last[2] || last[1].UnixNano()%int64(100*time.Millisecond) != 0 {
			t.Errorf("they come at %s and %s", last[1].Format("05.000"), last[2].Format("05.000"))
		}
	})
}

func TestHeartbeatsAreNotHeldWhenSomebodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, end := startBeating(0)
		defer end()
		h := b.groups[1]
		took := func(what string, want time.Duration, do func()) {
			t.Helper()
			began := time.Now()
			do()
			if d := time.Since(began); d != want {
				t.Errorf("%s: a heartbeat is held for %s, want %s", what, d, want)
			}
		}
		next := func() {
			t.Helper()
			if _, err := b.beat(1); err != nil {
				t.Error(err)
			}
		}
		took("the first", 0, next)
		took("the next", 100*time.Millisecond, next)
		enough := h.hurry()
		took("with one who waits", 0, next)
		enough()
		took("with nobody who waits any more", 100*time.Millisecond, next)
		took("with one who comes meanwhile", 30*time.Millisecond, func() {
			go func() { time.Sleep(30 * time.Millisecond); h.hurry()() }()
			next()
		})
		h.failed("b/1")
		took("after one without an answer", 0, next)
		ended := make(chan struct{})
		close(ended)
		took("as the connections end", 0, func() {
			b.pulse.send(&beat{group: 1, id: "b/1", to: "b", req: &raft.AppendEntriesRequest{}, beats: h, own: func() uint64 { return 0 }}, ended)
		})
	})
}

// TestHeartbeatsAreMadeAgainOnceInARound: however many followers answer, and not
// while somebody waits, or raft would send them without end.
func TestHeartbeatsAreMadeAgainOnceInARound(t *testing.T) {
	h := newHeartbeats(beatTimeout, func() {})
	told := func() bool {
		select {
		case <-h.again:
			return true
		default:
			return false
		}
	}
	round := time.Now()
	h.answered("b/1", round)
	if !told() {
		t.Error("not told of the first answer")
	}
	h.answered("c/1", round)
	if told() {
		t.Error("told of the second answer of a round")
	}
	enough := h.hurry()
	h.answered("b/1", round.Add(time.Millisecond))
	if told() {
		t.Error("told while somebody waits for a majority")
	}
	enough()
	h.answered("b/1", round.Add(h.every))
	if !told() {
		t.Error("not told of the next round")
	}
}

// TestGroupThatWaitsForItsDiskHoldsUpNoOther: neither the answers of the others nor
// the connection that they share.
func TestGroupThatWaitsForItsDiskHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, end := startBeating(3 * beatRPC)
		defer end()
		var slow sync.WaitGroup
		slow.Go(func() {
			if _, err := b.beat(2); err != errSilent {
				t.Errorf("a group that does not answer: %v", err)
			}
		})
		for n := range 40 {
			asked := time.Now()
			if _, err := b.beat(1); err != nil || time.Since(asked) > 100*time.Millisecond+answerSoon {
				t.Errorf("heartbeat %d of the other is answered after %s, %v", n, time.Since(asked), err)
			}
			time.Sleep(time.Millisecond)
		}
		slow.Wait()
		if n := len(b.from.conns); n != 1 {
			t.Errorf("there were %d connections", n)
		}
	})
}

func TestHeartbeatsFailWithTheirConnectionAndComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, end := startBeating(time.Hour)
		defer end()
		b.beat(1)
		go func() { time.Sleep(50 * time.Millisecond); b.from.conns[0].Close() }()
		began := time.Now()
		if _, err := b.beat(2); err == nil || time.Since(began) != 50*time.Millisecond {
			t.Errorf("a heartbeat on a connection that breaks: %v after %s", err, time.Since(began))
		}
		if _, err := b.beat(1); err != nil {
			t.Errorf("the next: %v", err)
		}
		one := &beat{group: 3, id: "b/1", to: "b", req: &raft.AppendEntriesRequest{}, beats: newHeartbeats(beatTimeout, func() {}), own: func() uint64 { return 0 }}
		if err := b.pulse.send(one, nil); err == nil || err != wire.Refusal("no replica of partition 3 is open here") {
			t.Errorf("to a node that holds no replica: %v", err)
		}
	})
}
