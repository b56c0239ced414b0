package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/worker"
)

// barePipe sends calls to one Python worker, without log, lease or network.
func barePipe(ctx context.Context, o options, dir string, r *Report) error {
	launcher, err := worker.New(worker.Config{Watchdog: []string{filepath.Join(o.bin, "node"), "watchdog"}, Dir: filepath.Join(dir, "workers"),
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer launcher.Close()
	for _, inFlight := range inFlights[:2] {
		f, err := pipeLoad(ctx, launcher, inFlight, o.each)
		if err != nil {
			return err
		}
		f.What = "pipe: one Python worker, bare"
		r.add(0, f)
	}
	return nil
}

// environment is the examples as they lie in this repository.
func environment() (messages.Environment, error) {
	python, err := pythonPath()
	if err != nil {
		return messages.Environment{}, err
	}
	dir, err := filepath.Abs(examples)
	return messages.Environment{Interpreter: python, Dir: dir, Module: module, Paths: []string{dir}}, err
}

// pipeLoad keeps a worker of its own busy.
func pipeLoad(ctx context.Context, launcher *worker.Launcher, inFlight int, d time.Duration) (Figure, error) {
	env, err := environment()
	if err != nil {
		return Figure{}, err
	}
	done := make(chan struct{})
	defer close(done)
	events := make(chan worker.Event, 2*inFlight+16)
	process, err := launcher.Start(ctx, env, func(some ...worker.Event) {
		for _, e := range some {
			select {
			case events <- e:
			case <-done: // the worker is being ended
			}
		}
	})
	if err != nil {
		return Figure{}, err
	}
	defer process.Kill()
	p := pipe{process: process}
	for {
		select {
		case <-ctx.Done():
			return Figure{}, ctx.Err()
		case e := <-events:
			if err := p.hear(e, inFlight, d); err != nil {
				return Figure{}, err
			}
			if p.loop != nil && len(p.since) == 0 {
				return p.loop.figure(inFlight, 1), nil
			}
		}
	}
}

// pipe is a closed loop over a worker, which answers in order.
type pipe struct {
	process *worker.Process
	loop    *loop       // nil until the worker is ready
	since   []time.Time // when what is in flight was sent, oldest first
}

func (p *pipe) hear(e worker.Event, inFlight int, d time.Duration) error {
	switch e := e.(type) {
	case worker.Exited:
		return fmt.Errorf("the worker ended: %s %s", e.Reason, e.Tail)
	case worker.Ready:
		p.loop = newLoop(d)
		for range inFlight {
			if err := p.send(); err != nil {
				return err
			}
		}
	case *worker.Done:
		p.loop.answered(p.since[0], went(e))
		p.since = append(p.since[:0], p.since[1:]...)
		if !p.loop.over() {
			return p.send()
		}
	}
	return nil
}

func (p *pipe) send() error {
	p.since = append(p.since, time.Now())
	return p.process.Send(worker.Work{Call: messages.NewCallID("bench", 1, 0), Attempt: 1, Function: function, Socket: socketPython,
		Arguments: &messages.Arguments{Positional: [][]byte{[]byte(payload)}}})
}

// went is the error of a call that the worker did not end well.
func went(e *worker.Done) error {
	if e.Outcome == messages.Outcome_OK {
		return nil
	}
	return fmt.Errorf("the worker says %s: %s", e.Outcome, e.Failure.GetMessage())
}
