package api

import (
	"context"
	"sync"

	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/messages"
)

// Bounds of what waits for one listener. One that reads no faster is told how many
// notices it has missed, and holds up nobody.
const (
	maxBacklog      = 4096
	maxBacklogBytes = 8 << 20 // at least one notice has room, whatever it takes
)

// backlog holds the notices that wait for one listener.
type backlog struct {
	mu      sync.Mutex
	notices []*messages.Notice
	bytes   int
	dropped int64 // since the last that was taken

	more, room chan struct{} // hold something when notices may have come, or gone
}

func newBacklog() *backlog {
	return &backlog{more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// add puts a notice behind the others, or counts it as missed.
func (b *backlog) add(m *messages.Notice) {
	if !b.offer(m) {
		b.miss(1)
	}
}

// wait puts a notice behind the others, when there is room for it.
func (b *backlog) wait(ctx context.Context, m *messages.Notice) {
	for !b.offer(m) {
		select {
		case <-b.room:
		case <-ctx.Done():
			return
		}
	}
}

func (b *backlog) offer(m *messages.Notice) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := flow.NoticeSize(m)
	if n := len(b.notices); n == maxBacklog || n > 0 && b.bytes+size > maxBacklogBytes {
		return false
	}
	b.notices = append(b.notices, m)
	b.bytes += size
	signal(b.more)
	return true
}

// miss counts notices that the listener does not hear.
func (b *backlog) miss(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropped += n
}

// take waits for the first notice, and says in it how many were missed.
func (b *backlog) take(ctx context.Context) (*messages.Notice, error) {
	for {
		if m := b.first(); m != nil {
			return m, nil
		}
		select {
		case <-b.more:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (b *backlog) first() *messages.Notice {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.notices) == 0 {
		return nil
	}
	m := b.notices[0]
	b.notices[0] = nil // it is not held on to
	b.notices = b.notices[1:]
	b.bytes -= flow.NoticeSize(m)
	m.Dropped += b.dropped
	b.dropped = 0
	signal(b.room)
	return m
}

// signal leaves a token in a channel that has room for one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
