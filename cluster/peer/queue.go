package peer

import (
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
)

const (
	maxQueued    = 32 << 20         // bytes that wait for one connection
	keepBuffer   = 1 << 20          // a larger buffer is given back to the heap
	writeTimeout = 10 * time.Second // a peer that reads nothing for so long is gone
)

// queue collects encoded frames, so that the writer sends all that gathered
// while it was busy in one system call.
type queue struct {
	ready chan struct{} // holds a token while frames wait

	mu     sync.Mutex
	room   sync.Cond // on mu: frames were taken, or the queue closed
	frames []byte
	told   []told // answers that come behind the frames
	spare  []byte
	closed bool
}

func newQueue() *queue {
	q := &queue{ready: make(chan struct{}, 1)}
	q.room.L = &q.mu
	return q
}

// put appends a frame. It refuses when too much waits already.
func (q *queue) put(f frame) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.frames) > 0 && len(q.frames)+f.size() > maxQueued {
		e := messages.Errorf(messages.Exhausted, "send", "", "%d bytes wait for the peer already", len(q.frames))
		e.RetryAfter = overloaded
		return e
	}
	q.add(f)
	return nil
}

// putWaiting appends a frame once there is room; it gives up when the queue is
// closed, which a stuck writer brings about after writeTimeout.
func (q *queue) putWaiting(f frame) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed && len(q.frames) > 0 && len(q.frames)+f.size() > maxQueued {
		q.room.Wait()
	}
	if !q.closed {
		q.add(f)
	}
}

func (q *queue) add(f frame) {
	q.frames = f.append(q.frames)
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *queue) take() (frames []byte, answers []told) {
	q.mu.Lock()
	defer q.mu.Unlock()
	frames, answers = q.frames, q.told
	q.frames, q.spare, q.told = q.spare[:0], nil, nil
	q.room.Broadcast()
	return frames, answers
}

func (q *queue) giveBack(b []byte) {
	if cap(b) > keepBuffer {
		return
	}
	q.mu.Lock()
	q.spare = b[:0]
	q.mu.Unlock()
}

// clear forgets what waits.
func (q *queue) clear() {
	frames, _ := q.take()
	q.giveBack(frames)
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.room.Broadcast()
}

// writeTo sends frames until the connection fails or done is closed.
func (q *queue) writeTo(conn net.Conn, done <-chan struct{}) {
	for {
		select {
		case <-q.ready:
		case <-done:
			return
		}
		runtime.Gosched() // what others are about to send goes with it
		if err := q.write(conn); err != nil {
			conn.Close() // the reader sees it and ends the connection
			return
		}
	}
}

// write sends what waits. Answers go in pieces: there may be many, and writeTimeout is
// for one write.
func (q *queue) write(conn net.Conn) error {
	b, answers := q.take()
	defer func() { q.giveBack(b) }()
	for _, a := range answers {
		if len(b) >= keepBuffer {
			if err := writeTo(conn, b); err != nil {
				return err
			}
			b = b[:0]
		}
		b = a.append(b)
	}
	if len(b) == 0 {
		return nil // it went with what was before
	}
	return writeTo(conn, b)
}

func writeTo(conn net.Conn, b []byte) error {
	conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := conn.Write(b)
	return err
}
