package worker

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// requests writes frames to a worker without ever blocking the sender: what
// fits the pipe is written at once, the rest by a goroutine, in order.
type requests struct {
	file *os.File
	raw  syscall.RawConn
	done chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	filled  *sync.Cond // backlog or closed changed
	scratch []byte
	backlog []byte
	writing bool // the goroutine holds bytes that come first
	closed  bool
}

func newRequests(file *os.File) (*requests, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	r := &requests{file: file, raw: raw, done: make(chan struct{})}
	r.filled = sync.NewCond(&r.mu)
	go r.write()
	return r, nil
}

func (r *requests) hello(h hello) error {
	b, err := h.append(nil)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.send(b, false)
	return nil
}

// calls sends works, numbered from seq on, with one write. Those before one that
// cannot be sent are sent, and it says how many.
func (r *requests) calls(seq uint64, works []Work) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.scratch[:0]
	for n < len(works) && err == nil {
		if b, err = appendCall(b, seq+uint64(n), &works[n]); err == nil {
			n++
		}
	}
	kept := cap(b) <= maxScratch
	if kept {
		r.scratch = b
	}
	r.send(b, !kept)
	return n, err
}

// maxScratch is the most memory that is kept for encoding the next requests.
const maxScratch = 64 << 10

// send writes what the pipe takes now and leaves the rest to the goroutine, with
// b's memory if it may have that.
func (r *requests) send(b []byte, mine bool) {
	if len(r.backlog) == 0 && !r.writing && !r.closed {
		_ = r.raw.Write(func(fd uintptr) bool {
			n, err := unix.Write(int(fd), b)
			if err == nil {
				b = b[n:]
			}
			return true
		})
	}
	switch {
	case len(b) == 0:
		return
	case mine && len(r.backlog) == 0:
		r.backlog = b
	default:
		r.backlog = append(r.backlog, b...)
	}
	r.filled.Signal()
}

func (r *requests) write() {
	defer close(r.done)
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		for len(r.backlog) == 0 && !r.closed {
			r.filled.Wait()
		}
		if r.closed {
			return
		}
		b := r.backlog
		r.backlog, r.writing = nil, true
		r.mu.Unlock()
		_, err := r.file.Write(b)
		r.mu.Lock()
		r.writing = false
		if err != nil { // the worker is gone; its end is told by its answers' end
			r.closed = true
		}
	}
}

func (r *requests) close() {
	r.mu.Lock()
	r.closed = true
	r.filled.Signal()
	r.mu.Unlock()
	r.file.Close()
	<-r.done
}
