package client

import (
	"context"
	"net"
	"runtime"
	"sync"
)

// maxUnsent is how many bytes may wait to be written to a connection: who would add
// to more waits, as it would for the connection itself.
const maxUnsent = 256 << 10

// gathered is a connection whose writes return at once, and what is written at the
// same time goes with one write. net/http flushes the header of each request by
// itself, and then its body: each would be a system call, and wake up the node.
type gathered struct {
	net.Conn
	sending sync.WaitGroup

	mu     sync.Mutex
	less   *sync.Cond // unsent has become less, or err is there
	unsent []byte
	spare  []byte // memory for what comes while unsent is written
	sends  bool   // a goroutine is sending
	err    error  // why nothing is written any more
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// gathering gives connections that gather.
func (d dialer) gathering(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d(ctx, network, address)
	if err != nil {
		return nil, err
	}
	g := &gathered{Conn: conn}
	g.less = sync.NewCond(&g.mu)
	return g, nil
}

// Write takes bytes over. That they could not be written is told to whoever writes
// next, and to those who wait for answers, since the connection is closed.
func (g *gathered) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.unsent) > 0 && len(g.unsent)+len(b) > maxUnsent && g.err == nil {
		g.less.Wait()
	}
	if g.err != nil {
		return 0, g.err
	}
	g.unsent = append(g.unsent, b...)
	if !g.sends {
		g.sends = true
		g.sending.Go(g.send)
	}
	return len(b), nil
}

// send writes until nothing is left. It gives way first to those who are about to
// write, too: answers that come together wake up their callers one after the other.
func (g *gathered) send() {
	runtime.Gosched()
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.unsent) > 0 && g.err == nil {
		b := g.unsent
		g.unsent, g.spare = g.spare[:0], nil
		g.less.Broadcast()
		g.mu.Unlock()
		_, err := g.Conn.Write(b)
		g.mu.Lock()
		if err != nil {
			g.fail(err)
			_ = g.Conn.Close() // those who wait for answers hear of it so
		}
		if cap(b) <= maxUnsent {
			g.spare = b
		}
	}
	g.sends = false
}

// fail keeps the first error. It is called with mu held.
func (g *gathered) fail(err error) {
	if g.err == nil {
		g.err = err
	}
	g.less.Broadcast()
}

// Close gives up what is not written yet: nobody waits for its answer any more.
func (g *gathered) Close() error {
	g.mu.Lock()
	g.fail(net.ErrClosed)
	g.mu.Unlock()
	err := g.Conn.Close()
	g.sending.Wait()
	return err
}
