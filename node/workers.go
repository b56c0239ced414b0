package node

import (
	"context"
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

// workers gives the actors what a launcher starts, in the actors' words.
type workers struct {
	start func(ctx context.Context, env messages.Environment, events func(...worker.Event)) (process, error)
}

func (w workers) Start(ctx context.Context, env messages.Environment, events func(...actors.Event)) (actors.Worker, error) {
	p, err := w.start(ctx, env, func(some ...worker.Event) {
		all := make([]actors.Event, len(some))
		for i, e := range some {
			all[i] = eventOf(e)
		}
		events(all...)
	})
	if err != nil {
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
