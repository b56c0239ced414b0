package worker

import (
	"bytes"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxTail is the most bytes kept of what a worker printed outside of finished calls.
const maxTail = 8 << 10

// printed reads what a worker's processes write to standard output and error
// other than through Python: it belongs, as well as can be told, to the call
// that runs.
type printed struct {
	file  *os.File
	raw   syscall.RawConn
	fd    int
	bound int
	idle  func() bool   // no call is with the worker
	done  chan struct{} // closed when the reading goroutine has ended

	mu   sync.Mutex
	call []byte // the beginning, since the last answer
	tail []byte // the end, since the last answer
}

func newPrinted(file *os.File, bound int, idle func() bool) (*printed, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	p := &printed{file: file, raw: raw, bound: bound, idle: idle, done: make(chan struct{})}
	if err := raw.Control(func(fd uintptr) { p.fd = int(fd) }); err != nil {
		return nil, err
	}
	go p.read()
	return p, nil
}

func (p *printed) read() {
	defer close(p.done)
	_ = p.raw.Read(func(uintptr) bool { // it ends at the end of file or when the file is closed
		for {
			n, err := p.between()
			if err == unix.EAGAIN {
				return false
			}
			if err != nil && err != unix.EINTR || err == nil && n == 0 {
				return true
			}
		}
	})
}

// between reads once. What is printed while no call is with the worker, before
// and after, is of something that a call has left behind: the next call's log
// does not get it.
func (p *printed) between() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle, kept := p.idle(), len(p.call)
	n, err := p.some()
	if idle && p.idle() {
		p.call = p.call[:kept]
	}
	return n, err
}

// some reads once, without waiting. It is called with mu held.
func (p *printed) some() (int, error) {
	var b [8 << 10]byte
	n, err := unix.Read(p.fd, b[:])
	if n <= 0 {
		return 0, err
	}
	if room := p.bound - len(p.call); room > 0 {
		p.call = append(p.call, b[:min(n, room)]...)
	}
	p.tail = append(p.tail, b[:n]...)
	if extra := len(p.tail) - maxTail; extra > 0 {
		p.tail = append(p.tail[:0], p.tail[extra:]...)
	}
	return n, nil
}

// take gives what came since the last answer. A pipe holds 64 KiB: so many
// bytes at most were printed before the answer and are not read yet.
func (p *printed) take() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for read := 0; read < 64<<10; {
		n, err := p.some()
		if n == 0 || err != nil {
			break
		}
		read += n
	}
	call := p.call
	p.call, p.tail = nil, p.tail[:0]
	return call
}

// close gives the last that was printed. It is called when no process holds
// the other end, so that the end of file is near.
func (p *printed) close() string {
	select {
	case <-p.done:
	case <-time.After(time.Second):
	}
	p.file.Close()
	<-p.done
	return string(bytes.ToValidUTF8(bytes.TrimSpace(p.tail), []byte("\uFFFD")))
}

// since gives what came since the last answer, behind a place.
func (p *printed) since(after uint64) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if after >= uint64(len(p.call)) {
		return nil
	}
	return bytes.Clone(p.call[after:])
}
