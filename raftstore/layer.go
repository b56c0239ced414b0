package raftstore

import (
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// layer lends a group's stream layer to one raft after another: raft closes
// what it is given when it shuts down, and a group may have to start it anew.
type layer struct {
	inner    raft.StreamLayer
	accepted chan net.Conn
	closed   chan struct{}
	done     sync.WaitGroup
}

func shareLayer(inner raft.StreamLayer) *layer {
	l := &layer{inner: inner, accepted: make(chan net.Conn), closed: make(chan struct{})}
	l.done.Go(l.accept)
	return l
}

const acceptRetry = 100 * time.Millisecond

func (l *layer) accept() {
	for {
		conn, err := l.inner.Accept()
		if err != nil {
			select {
			case <-l.closed:
				return
			case <-time.After(acceptRetry):
				continue
			}
		}
		select {
		case l.accepted <- conn:
		case <-l.closed:
			conn.Close()
			return
		}
	}
}

// close refuses peers from now on.
func (l *layer) close() error {
	close(l.closed)
	err := l.inner.Close()
	l.done.Wait()
	return err
}

// lend gives a stream layer whose Close ends its own connections only.
func (l *layer) lend() *lent {
	return &lent{of: l, closed: make(chan struct{}), conns: make(map[*lentConn]struct{})}
}

type lent struct {
	of     *layer
	once   sync.Once
	closed chan struct{}

	mu    sync.Mutex
	conns map[*lentConn]struct{} // nil when closed
}

// lentConn is a connection that its layer can end, so that nobody waits for a
// peer's answer when raft shuts down.
type lentConn struct {
	net.Conn
	of *lent
}

func (c *lentConn) Close() error {
	c.of.mu.Lock()
	delete(c.of.conns, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

func (l *lent) keep(conn net.Conn) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil {
		conn.Close()
		return nil, net.ErrClosed
	}
	c := &lentConn{conn, l}
	l.conns[c] = struct{}{}
	return c, nil
}

func (l *lent) Accept() (net.Conn, error) {
	select {
	case conn := <-l.of.accepted:
		return l.keep(conn)
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *lent) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
	}
	conn, err := l.of.inner.Dial(to, timeout)
	if err != nil {
		return nil, err
	}
	return l.keep(conn)
}

func (l *lent) Addr() net.Addr { return l.of.inner.Addr() }

func (l *lent) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.mu.Lock()
		conns := l.conns
		l.conns = nil
		l.mu.Unlock()
		for c := range conns {
			c.Conn.Close()
		}
	})
	return nil
}
