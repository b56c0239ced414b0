package twin

import (
	"io"
	"sync"
)

// buffer is a pipe that takes whatever is written, at once.
type buffer struct {
	mu     sync.Mutex
	filled *sync.Cond // unread or closed changed
	unread []byte
	closed bool
}

func newBuffer() *buffer {
	b := &buffer{}
	b.filled = sync.NewCond(&b.mu)
	return b
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, io.ErrClosedPipe
	}
	b.unread = append(b.unread, p...)
	b.filled.Signal()
	return len(p), nil
}

func (b *buffer) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.unread) == 0 && !b.closed {
		b.filled.Wait()
	}
	if len(b.unread) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.unread)
	b.unread = b.unread[n:]
	return n, nil
}

// close ends the writing; what was written can still be read.
func (b *buffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.filled.Broadcast()
}
