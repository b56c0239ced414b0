package actors

import (
	"context"
	"time"

	"github.com/elasticcode/flow/messages"
)

// trialLimit is how long a module may take to be imported in a trial.
const trialLimit = 2 * time.Minute

// try starts a worker with an environment, beside the slots, and ends it as
// soon as it has imported its module. It takes no call, so that new code which
// does not start never costs a slot of the code that works.
func try(ctx context.Context, workers Workers, env messages.Environment) error {
	limited, cancel := context.WithTimeout(ctx, trialLimit)
	defer cancel()
	ready, exited := make(chan struct{}, 1), make(chan Exited, 1)
	worker, err := workers.Start(limited, env, func(some ...Event) {
		for _, e := range some {
			switch e := e.(type) {
			case Ready:
				ready <- struct{}{}
			case Exited:
				exited <- e
			}
		}
	})
	if err != nil {
		return err
	}
	select {
	case <-ready:
	case e := <-exited:
		return messages.Errorf(messages.Invalid, "start a worker of module", env.Module, "%s", e.why())
	case <-limited.Done():
		err = messages.Errorf(messages.Deadline, "start a worker of module", env.Module, "it was not imported within %v", trialLimit)
	}
	worker.Kill()
	<-exited
	return err
}

// why is the reason of an end, with the last words.
func (e Exited) why() string {
	if e.Tail == "" {
		return e.Reason
	}
	return e.Reason + "\n" + e.Tail
}
