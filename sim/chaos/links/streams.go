package links

import (
	"context"
	"net"
	"time"
)

const (
	piece     = 32 << 10
	maxPieces = 64 // that are on their way, of one stream in one direction
	dialLimit = 5 * time.Second
)

// stream is a connection that one node opened to another.
type stream struct {
	from, to int
	near     *net.TCPConn // to the node that opened it
	far      *net.TCPConn // to the other one
}

// reset breaks a stream at both ends at once.
func (s *stream) reset() {
	for _, c := range []*net.TCPConn{s.near, s.far} {
		_ = c.SetLinger(0)
		c.Close()
	}
}

func (m *Mesh) accept(l net.Listener, to, port int) {
	for {
		c, err := l.Accept()
		if closed(err) {
			return
		}
		if err == nil {
			m.running.Go(func() { m.connect(c.(*net.TCPConn), to, port) })
		}
	}
}

// connect carries a stream from when it is opened until it ends.
func (m *Mesh) connect(near *net.TCPConn, to, port int) {
	defer near.Close()
	ctx, cancel := context.WithCancel(m.run)
	defer cancel()
	from, ok := m.opener(near)
	if !ok || m.passable(ctx, way{from, to}) != nil {
		return
	}
	d := net.Dialer{Timeout: dialLimit}
	c, err := d.DialContext(ctx, "tcp", address(m.nodes[to].Inside, port))
	if err != nil {
		_ = near.SetLinger(0)
		return
	}
	s := &stream{from: from, to: to, near: near, far: c.(*net.TCPConn)}
	defer c.Close()
	defer context.AfterFunc(ctx, s.reset)()
	m.mu.Lock()
	m.streams[s] = true
	m.mu.Unlock()
	back := make(chan struct{})
	go func() { defer close(back); m.pump(ctx, way{to, from}, s.far, s.near) }()
	m.pump(ctx, way{from, to}, s.near, s.far)
	<-back
	m.mu.Lock()
	delete(m.streams, s)
	m.mu.Unlock()
}

// opener is the node whose process opened a stream.
func (m *Mesh) opener(c *net.TCPConn) (int, bool) {
	socket, err := socketOf(c)
	if err != nil {
		return 0, false
	}
	for i, n := range m.nodes {
		if pid := n.PID(); pid != 0 && holds(pid, socket) {
			return i, true
		}
	}
	return 0, false
}

// sent is a piece of a stream, and when it arrives.
type sent struct {
	b   []byte
	due time.Time
}

// pump carries one direction. What has been sent arrives later than a cut, and
// so does the stream's end.
func (m *Mesh) pump(ctx context.Context, w way, from, to *net.TCPConn) {
	pieces := make(chan sent, maxPieces)
	go func() {
		defer close(pieces)
		for {
			b := make([]byte, piece)
			n, err := from.Read(b)
			if n > 0 {
				r, _ := m.rule(w)
				due := time.Now().Add(r.delay())
				if r.lost() {
					due = due.Add(late)
				}
				select {
				case pieces <- sent{b[:n], due}:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range pieces {
		if wait(ctx, time.Until(p.due)) != nil || m.passable(ctx, w) != nil {
			break
		}
		if _, err := to.Write(p.b); err != nil {
			from.Close() // whoever sends is to know
			break
		}
	}
	for range pieces { // the reader ends by itself, once nobody sends any more
	}
	if m.passable(ctx, w) == nil {
		_ = to.CloseWrite()
	}
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
