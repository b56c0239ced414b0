package twin

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// stream is one end of a connection. What it reads the host has put there;
// what it writes goes to the host at once, which owns all that is under way.
type stream struct {
	id            uint32
	local, remote net.Addr
	host          streamHost

	mu     sync.Mutex
	unread []byte
	end    error         // io.EOF, or a reset; after what is unread
	news   chan struct{} // a token: unread or end has changed
	closed chan struct{}

	reading, writing deadline
}

// streamHost is what a stream needs of the host.
type streamHost interface {
	write(id uint32, b []byte) bool
	hangUp(id uint32)
}

func newStream(h streamHost, id uint32, local, remote net.Addr) *stream {
	return &stream{id: id, local: local, remote: remote, host: h, news: make(chan struct{}, 1),
		closed: make(chan struct{}), reading: newDeadline(), writing: newDeadline()}
}

// arrive adds what the other end wrote; finish says that no more will come.
func (s *stream) arrive(b []byte) { s.change(func() { s.unread = append(s.unread, b...) }) }

func (s *stream) finish(err error) {
	s.change(func() {
		if s.end == nil || err != io.EOF {
			s.end = err
		}
	})
}

func (s *stream) change(f func()) {
	s.mu.Lock()
	f()
	s.mu.Unlock()
	s.tell()
}

func (s *stream) tell() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *stream) Read(p []byte) (int, error) {
	for {
		passed := s.reading.passed()
		switch {
		case isClosed(s.closed):
			return 0, s.failed("read", net.ErrClosed)
		case isClosed(passed):
			return 0, s.failed("read", os.ErrDeadlineExceeded)
		}
		if n, err, ok := s.take(p); ok {
			return n, err
		}
		select {
		case <-s.news:
		case <-passed:
		case <-s.closed:
		}
	}
}

// take reads what is there. ok false: there is nothing yet.
func (s *stream) take(p []byte) (n int, err error, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unread) > 0 || len(p) == 0 {
		n = copy(p, s.unread)
		if s.unread = s.unread[n:]; len(s.unread) == 0 {
			s.unread = nil
		}
		if s.unread != nil || s.end != nil {
			s.tell() // for another reader
		}
		return n, nil, true
	}
	if s.end == nil {
		return 0, nil, false
	}
	s.tell()
	if s.end == io.EOF {
		return 0, io.EOF, true
	}
	return 0, s.failed("read", s.end), true
}

// maxSegment is the most that travels as one.
const maxSegment = 16 << 10

func (s *stream) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		switch {
		case isClosed(s.closed):
			return n, s.failed("write", net.ErrClosed)
		case isClosed(s.writing.passed()):
			return n, s.failed("write", os.ErrDeadlineExceeded)
		}
		segment := p[:min(len(p), maxSegment)]
		if !s.host.write(s.id, segment) {
			return n, s.failed("write", syscall.EPIPE)
		}
		n += len(segment)
		p = p[len(segment):]
	}
	return n, nil
}

func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if isClosed(s.closed) {
		return s.failed("close", net.ErrClosed)
	}
	close(s.closed)
	s.host.hangUp(s.id)
	return nil
}

func (s *stream) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: s.local, Addr: s.remote, Err: err}
}

func (s *stream) LocalAddr() net.Addr  { return s.local }
func (s *stream) RemoteAddr() net.Addr { return s.remote }

func (s *stream) SetDeadline(t time.Time) error {
	s.reading.set(t)
	s.writing.set(t)
	return nil
}
func (s *stream) SetReadDeadline(t time.Time) error  { s.reading.set(t); return nil }
func (s *stream) SetWriteDeadline(t time.Time) error { s.writing.set(t); return nil }
