package cluster

import (
	"context"
	"sync"

	"github.com/elasticcode/flow/messages"
)

// Calls is Call for several calls of one partition. They go to its leader together,
// and one goroutine waits for all; what comes back because nodes failed, or another
// one leads, goes its way by itself. tell hears of each once, in any order and from any
// goroutine, before Calls returns. It must not block.
func (r *Router) Calls(ctx context.Context, all []*messages.Enqueue, tell func(i int, answer *messages.CallResponse, err error)) {
	t := callTask(all[0])
	var alone sync.WaitGroup
	defer alone.Wait()
	leader, known := r.knownLeader(t.group)
	settle := func(i int, answer *messages.CallResponse, err error) {
		if err != nil && leader != r.config.Self && ctx.Err() != nil {
			err = r.ended(ctx, t, err)
		}
		if err == nil || ctx.Err() != nil || !mayRetry(err, t.again) {
			tell(i, answer, err)
			return
		}
		r.leaders.forget(t.group, leader) // else each asks it once more before another
		if answer == nil {
			answer = new(messages.CallResponse)
		}
		alone.Go(func() {
			answer, err := r.call(ctx, all[i], answer)
			tell(i, answer, err)
		})
	}
	switch {
	case !known:
		unknown := messages.Errorf(messages.NotLeader, t.op, t.subject(), "its leader is not known here")
		for i := range all {
			settle(i, nil, unknown)
		}
	case leader == r.config.Self:
		r.config.Waiters.Calls(ctx, all, nil, settle)
	default:
		limited, cancel := context.WithTimeout(ctx, t.limit)
		defer cancel()
		r.callsAt(limited, leader, all, settle)
	}
}
