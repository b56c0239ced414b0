package sim

import "container/heap"

// events is the world's agenda: what happens when. What is due at the same time
// happens in the order in which it was put there.
type events struct {
	now  int64 // nanoseconds since 1970
	next uint64
	heap eventHeap
}

type event struct {
	at  int64
	seq uint64
	do  func()
}

// at puts an event on the agenda; one in the past happens now.
func (e *events) at(t int64, do func()) {
	e.next++
	heap.Push(&e.heap, event{max(t, e.now), e.next, do})
}

// step lets the next event happen, if it is due before a time.
func (e *events) step(until int64) bool {
	if len(e.heap) == 0 || e.heap[0].at > until {
		return false
	}
	next := heap.Pop(&e.heap).(event)
	e.now = next.at
	next.do()
	return true
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = event{}
	*h = (*h)[:last]
	return e
}
