package cluster

import (
	"context"
	"sync"

	"github.com/elasticcode/flow/messages"
)

// Calls is Call for several calls of one partition. Where this node leads it, they
// go into the log together, and one goroutine waits for all; what comes back
// because that changed goes its way by itself. tell hears of each once, in any
// order and from any goroutine, before Calls returns. It must not block.
func (r *Router) Calls(ctx context.Context, all []*messages.Enqueue, tell func(i int, answer *messages.CallResponse, err error)) {
	var alone sync.WaitGroup
	defer alone.Wait()
	byItself := func(i int, known *messages.CallResponse) {
		alone.Go(func() {
			answer, err := r.call(ctx, all[i], known)
			tell(i, answer, err)
		})
	}
	leader, _ := r.knownLeader(messages.CallIDFrom(all[0].GetId()).Partition())
	if leader != r.config.Self {
		for i := range all {
			byItself(i, new(messages.CallResponse))
		}
		return
	}
	r.config.Waiters.Calls(ctx, all, func(i int, answer *messages.CallResponse, err error) {
		if err == nil || ctx.Err() != nil || !passing(err) {
			tell(i, answer, err)
			return
		}
		if answer == nil {
			answer = new(messages.CallResponse)
		}
		byItself(i, answer)
	})
}
