package cluster

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/cluster/peer"
	"github.com/elasticcode/flow/messages"
)

// callsHere answers calls that another node hands to this one together, as the
// leader of their partitions.
func (r *Router) callsHere(ctx context.Context, _ messages.NodeID, asked *peer.Asked) {
	bodies := asked.Bodies()
	var all []*handed // by partition, of which there are few
	places := make([]func(), len(bodies))
	for i, body := range bodies {
		q := new(messages.CallRequest)
		if err := proto.Unmarshal(body, q); err != nil {
			asked.Answer(i, nil, unreadable(kindCall, err))
			continue
		}
		bodies[i] = nil // a call may take long
		places[i] = handedTo(ctx, &all, q.GetEnqueue(), len(bodies)).add(i, q.GetEnqueue())
	}
	asked.OnGone(func(i int) {
		if places[i] != nil {
			places[i]()
		}
	})
	var others sync.WaitGroup
	panics := make(chan any, len(all))
	defer func() {
		others.Wait()
		if len(panics) > 0 {
			panic(<-panics) // here it fails what was asked, and not the node
		}
	}()
	for n, h := range all {
		if n == len(all)-1 {
			r.takeHanded(h, asked)
			break
		}
		others.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					panics <- fmt.Sprintf("%v\n%s", p, debug.Stack())
				}
			}()
			r.takeHanded(h, asked)
		})
	}
}

// handed is calls of one partition that came together.
type handed struct {
	ctx     context.Context // ends when nobody waits for any of them
	end     context.CancelFunc
	group   messages.GroupID
	calls   []*messages.Enqueue
	numbers []int    // of those, in what came together
	gone    chan int // buffered for all of them

	mu   sync.Mutex
	left map[int]bool // by their number in calls, those that somebody waits for
}

// handedTo finds where a call belongs, among calls that are at most so many.
func handedTo(ctx context.Context, all *[]*handed, m *messages.Enqueue, most int) *handed {
	group := messages.CallIDFrom(m.GetId()).Partition()
	for _, h := range *all {
		if h.group == group {
			return h
		}
	}
	h := &handed{group: group, gone: make(chan int, most), left: map[int]bool{}}
	h.ctx, h.end = context.WithCancel(ctx)
	*all = append(*all, h)
	return h
}

// add gives what to do when nobody waits for the call any more.
func (h *handed) add(number int, m *messages.Enqueue) (gone func()) {
	i := len(h.calls)
	h.calls, h.numbers, h.left[i] = append(h.calls, m), append(h.numbers, number), true
	return func() {
		h.gone <- i
		h.settled(i)
	}
}

// settled notes that a call was answered, or that nobody waits for that. After the last
// nothing is waited for: on a disk that stands still the log takes no call, and as long
// as it does not, nobody looks who has gone.
func (h *handed) settled(i int) {
	h.mu.Lock()
	delete(h.left, i)
	left := len(h.left)
	h.mu.Unlock()
	if left == 0 {
		h.end()
	}
}

func (r *Router) takeHanded(h *handed, asked *peer.Asked) {
	defer h.end()
	if _, err := r.led(h.group); err != nil {
		for _, i := range h.numbers {
			asked.Answer(i, nil, err)
		}
		return
	}
	r.config.Waiters.Calls(h.ctx, h.calls, h.gone, func(i int, answer *messages.CallResponse, err error) {
		asked.Answer(h.numbers[i], answer, err)
		h.settled(i)
	})
}
