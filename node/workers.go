package node

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/elasticcode/flow/actors"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/worker"
)

// process is a worker as package worker has it.
type process interface {
	Send(...worker.Work) error
	Terminate(grace time.Duration)
	Kill()
	PID() int
	Dir() string
	Printed(*messages.PrintedQuery) *messages.PrintedAnswer
}

// startWorker starts a worker as package worker does.
type startWorker func(ctx context.Context, env messages.Environment, events func(...worker.Event)) (process, error)

// workers gives the actors what a launcher starts, in the actors' words.
type workers struct {
	start startWorker
	alive *atomic.Int64 // processes that were started and have not ended
}

func newWorkers(start startWorker) workers { return workers{start, new(atomic.Int64)} }

func (w workers) Start(ctx context.Context, env messages.Environment, events func(...actors.Event)) (actors.Worker, error) {
	w.alive.Add(1)
	p, err := w.start(ctx, env, func(some ...worker.Event) {
		all := make([]actors.Event, len(some))
		for i, e := range some {
			all[i] = eventOf(e)
			if _, ended := e.(worker.Exited); ended {
				w.alive.Add(-1)
			}
		}
		events(all...)
	})
	if err != nil {
		w.alive.Add(-1)
		return nil, err
	}
	return workerProcess{p}, nil
}

type workerProcess struct{ process }

func (p workerProcess) Send(some ...actors.Work) error {
	all := make([]worker.Work, len(some))
	for i, w := range some {
		all[i] = worker.Work{Call: w.Call, Attempt: w.Attempt, Function: w.Function,
			Arguments: w.Arguments, Socket: w.Socket, Tracking: w.Tracking}
	}
	return p.process.Send(all...)
}

func eventOf(e worker.Event) actors.Event {
	switch e := e.(type) {
	case worker.Begun:
		return actors.Begun{Call: e.Call, Attempt: e.Attempt}
	case *worker.Done:
		return (*actors.Done)(e)
	case worker.Exited:
		return actors.Exited{Reason: e.Reason, Tail: e.Tail, Log: e.Log}
	}
	return actors.Ready{}
}
