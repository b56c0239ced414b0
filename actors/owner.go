package actors

import (
	"context"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/messages"
)

const (
	abortGrace = 2 * time.Second // from SIGTERM to SIGKILL for a cancelled call
	reapWait   = 5 * time.Second // for a killed worker's processes to be gone
)

// owner owns one worker process, and is the only one that ends it: it starts
// the worker when it starts, and panics when the worker is gone, so that its
// supervisor starts both again, more slowly each time. The slot above it is
// told of the end by gone.
type owner struct {
	system  *System
	workers Workers
	env     messages.Environment
	slot    *actor.PID

	generation uint64
	worker     Worker
	cancel     context.CancelFunc
	reaped     chan struct{} // closed when the worker's processes are gone
	cause      cause         // why the worker is being ended
	worked     bool          // it has finished a call
	fed        []work        // unanswered, in order; the first is running
	disarm     func()        // of the running call's time limit
}

// cause is why a worker ended.
type cause int

const (
	crashed  cause = iota // by itself
	timedOut              // the running call reached its time limit
	aborted               // the running call was cancelled
	replaced              // nobody is to blame: a call that it still had was taken back
)

// work is one attempt that an owner gets for its worker.
type work struct {
	Work
	limit time.Duration // 0: none
	taken func()        // to be called when the worker has read it, or never will; nil: nobody cares
}

// What a slot tells its owner. A feed for an earlier worker is ignored.
type (
	feed struct {
		generation uint64
		works      []work // the owner's to keep
	}
	end struct {
		generation uint64
		cause      cause
		grace      time.Duration
	}
)

// What an owner tells its slot.
type (
	ready struct {
		generation uint64
		pid        int
		dir        string
	}
	done struct {
		generation uint64
		some       []*Done // in order
	}
	gone struct {
		generation uint64
		cause      cause
		exit       Exited
	}
)

// What the owner tells itself.
type (
	workerEvents struct {
		generation uint64
		some       []Event
	}
	limitReached struct {
		generation uint64
		attempt    attempt
	}
)

// workerGone is the reason of an owner's panic.
type workerGone struct {
	cause  cause
	worked bool
	exit   Exited
}

func (g workerGone) Error() string { return "worker is gone: " + g.exit.Reason }

// Excused: a worker that did its work, or was ended on purpose, is no crash loop.
func (g workerGone) Excused() bool { return g.worked || g.cause != crashed }

func (o *owner) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		o.start(c)
	case *actor.Restarting, *actor.Stopping:
		o.kill()
	case *feed:
		o.feed(c, m)
	case *end:
		if m.generation == o.generation {
			o.end(m.cause, m.grace)
		}
	case *limitReached:
		if m.generation == o.generation && len(o.fed) > 0 && o.fed[0].attempt() == m.attempt {
			o.end(timedOut, 0)
		}
	case *messages.PrintedQuery:
		o.printed(c, m)
	case *workerEvents:
		if m.generation == o.generation {
			o.events(c, m.some)
		}
	}
}

func (w *work) attempt() attempt { return attempt{w.Call, w.Attempt} }

func (w *work) read() {
	if w.taken != nil {
		w.taken()
	}
}

func (o *owner) start(c actor.Context) {
	o.generation = o.system.generation.Add(1)
	o.reaped = make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	o.cancel = cancel
	// The worker's goroutine must not touch the actor: it posts to it.
	system, self, generation, reaped := o.system, c.Self(), o.generation, o.reaped
	worker, err := o.workers.Start(ctx, o.env, func(some ...Event) {
		if _, last := some[len(some)-1].(Exited); last {
			close(reaped)
		}
		system.tell(self, &workerEvents{generation, some})
	})
	if err != nil {
		o.fail(c, Exited{Reason: err.Error()})
	}
	o.worker = worker
}

func (o *owner) feed(c actor.Context, f *feed) {
	if f.generation != o.generation {
		for _, w := range f.works {
			w.read()
		}
		return
	}
	some := make([]Work, len(f.works))
	for i, w := range f.works {
		some[i] = w.Work
	}
	if err := o.worker.Send(some...); err != nil {
		o.system.log.Warn("worker takes no work", "actor", c.Self().Id, "error", err)
		o.worker.Kill()
	}
	for i := range f.works {
		f.works[i].Arguments = nil // with the worker now
	}
	if len(o.fed) > 0 {
		o.fed = append(o.fed, f.works...)
		return
	}
	o.fed = f.works
	o.arm(c)
}

// arm sets the time limit of the running call, which is the first unanswered.
func (o *owner) arm(c actor.Context) {
	if o.disarm != nil {
		o.disarm()
		o.disarm = nil
	}
	if len(o.fed) > 0 && o.fed[0].limit > 0 {
		o.disarm = o.system.tellAfter(o.fed[0].limit, c.Self(), &limitReached{o.generation, o.fed[0].attempt()})
	}
}

func (o *owner) end(why cause, grace time.Duration) {
	if o.cause == crashed {
		o.cause = why
	}
	if grace > 0 {
		o.worker.Terminate(grace)
		return
	}
	o.worker.Kill()
}

// events takes what has happened, and tells the slot together which attempts
// have ended.
func (o *owner) events(c actor.Context, some []Event) {
	var ended []*Done
	for _, e := range some {
		switch e := e.(type) {
		case Ready:
			c.Send(o.slot, &ready{o.generation, o.worker.PID(), o.worker.Dir()})
		case Begun:
			if len(o.fed) > 0 && o.fed[0].attempt() == (attempt{e.Call, e.Attempt}) {
				o.fed[0].read()
			}
		case *Done:
			if o.finish(c, e) {
				ended = append(ended, e)
			}
		case Exited:
			o.told(c, ended)
			o.fail(c, e)
		}
	}
	o.told(c, ended)
}

func (o *owner) told(c actor.Context, ended []*Done) {
	if len(ended) > 0 {
		o.arm(c)
		c.Send(o.slot, &done{o.generation, ended})
	}
}

// finish says whether an attempt that has ended was the running one.
func (o *owner) finish(c actor.Context, e *Done) bool {
	if len(o.fed) == 0 || o.fed[0].attempt() != (attempt{e.Call, e.Attempt}) {
		o.system.log.Warn("worker answers what it was not asked", "actor", c.Self().Id, "call", e.Call, "attempt", e.Attempt)
		o.worker.Kill()
		return false
	}
	o.fed[0].read()
	o.fed[0] = work{}
	if o.fed = o.fed[1:]; len(o.fed) == 0 {
		o.fed = nil
	}
	o.worked = true
	if o.cause == timedOut {
		o.cause = replaced // it ended after all, just before the worker did
	}
	return true
}

// fail tells the slot, and leaves the rest to the supervisor.
func (o *owner) fail(c actor.Context, e Exited) {
	for _, w := range o.fed {
		w.read()
	}
	if o.cause == crashed {
		o.system.crashes.Add(1)
	}
	c.Send(o.slot, &gone{o.generation, o.cause, e})
	panic(workerGone{o.cause, o.worked, e})
}

// kill ends the worker and waits until its processes are gone, so that the
// slot's next worker never runs beside it.
func (o *owner) kill() {
	if o.disarm != nil {
		o.disarm()
	}
	if o.cancel != nil {
		defer o.cancel()
	}
	if o.worker == nil {
		return
	}
	o.worker.Kill()
	patience := time.NewTimer(reapWait)
	defer patience.Stop()
	select {
	case <-o.reaped:
	case <-patience.C:
		o.system.log.Error("processes of a killed worker do not end", "pid", fmt.Sprint(o.worker.PID()))
	}
}
