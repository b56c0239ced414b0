package raftstore

import (
	"sync"
	"sync/atomic"

	"github.com/elasticcode/flow/messages"
)

// directly is how many results of an entry its applier tells the observer of by
// itself.
const directly = 8

// events tells an observer what happens to a replica, one thing at a time and in
// order. A goroutine does, so that the observer does not hold up the log unless it
// falls MaxEvents behind. But when nothing else is to be told, an entry of few
// commands is told by its applier: to wake that goroutine would take longer.
type events struct {
	queue    chan event
	untold   atomic.Int64 // in the queue, or being told
	observer Observer
	ended    chan struct{}

	telling sync.Mutex
	leads   bool // the observer was told so
}

type event struct {
	index   uint64
	results []messages.Result
	leading uint64 // term, when this is the beginning of a leadership
	ceased  bool   // this is the end of one
}

func observe(o Observer) *events {
	e := &events{queue: make(chan event, MaxEvents), observer: o, ended: make(chan struct{})}
	go e.run()
	return e
}

func (e *events) run() {
	defer close(e.ended)
	for v := range e.queue {
		e.tell(v)
	}
}

func (e *events) tell(v event) {
	defer e.untold.Add(-1)
	e.telling.Lock()
	defer e.telling.Unlock()
	switch {
	case e.observer == nil:
	case v.leading > 0:
		e.leads = true
		e.observer.Leading(v.leading)
	case !v.ceased:
		e.observer.Applied(v.index, v.results)
	case e.leads:
		e.leads = false
		e.observer.Following()
	}
}

func (e *events) applied(index uint64, results []messages.Result) {
	v := event{index: index, results: results}
	if len(results) <= directly && e.untold.CompareAndSwap(0, 1) {
		e.tell(v)
		return
	}
	e.leave(v)
}
func (e *events) leading(term uint64) { e.leave(event{leading: term}) }
func (e *events) ceased()             { e.leave(event{ceased: true}) }

// leave leaves an event to the goroutine.
func (e *events) leave(v event) {
	e.untold.Add(1)
	e.queue <- v
}

// close waits until the observer has heard all. Nothing may be told after it.
func (e *events) close() {
	close(e.queue)
	<-e.ended
}
