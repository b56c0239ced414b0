package raftstore

import (
	"container/heap"
	"context"
	"sync"
)

// waiters are those who wait for an index to be applied.
type waiters struct {
	mu      sync.Mutex
	reached uint64
	queue   waitQueue
}

type waiter struct {
	index uint64
	done  chan struct{}
	place int // in the queue; -1: no longer in it
}

// reach wakes those who wait for an index up to this one.
func (w *waiters) reach(index uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reached = max(w.reached, index)
	for len(w.queue) > 0 && w.queue[0].index <= w.reached {
		close(heap.Pop(&w.queue).(*waiter).done)
	}
}

// wait returns nil when the index is reached.
func (w *waiters) wait(ctx context.Context, index uint64, stopped <-chan struct{}, why func() error) error {
	w.mu.Lock()
	if index <= w.reached {
		w.mu.Unlock()
		return nil
	}
	me := &waiter{index: index, done: make(chan struct{})}
	heap.Push(&w.queue, me)
	w.mu.Unlock()
	select {
	case <-me.done:
		return nil
	case <-ctx.Done():
		w.leave(me)
		return ctx.Err()
	case <-stopped:
		w.leave(me)
		return why()
	}
}

func (w *waiters) leave(me *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if me.place >= 0 {
		heap.Remove(&w.queue, me.place)
	}
}

type waitQueue []*waiter

func (q waitQueue) Len() int           { return len(q) }
func (q waitQueue) Less(i, j int) bool { return q[i].index < q[j].index }
func (q waitQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

func (q *waitQueue) Push(x any) {
	w := x.(*waiter)
	w.place = len(*q)
	*q = append(*q, w)
}

func (q *waitQueue) Pop() any {
	last := len(*q) - 1
	w := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	w.place = -1
	return w
}
