package raftstore

import "github.com/elasticcode/flow/messages"

// events hands what happens to a replica to its observer, in order, on a
// goroutine of its own, so that the observer does not hold up the log unless it
// falls MaxEvents behind.
type events struct {
	queue    chan event
	observer Observer
	ended    chan struct{}
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
	leading := false
	for v := range e.queue {
		switch {
		case e.observer == nil:
		case v.leading > 0:
			leading = true
			e.observer.Leading(v.leading)
		case !v.ceased:
			e.observer.Applied(v.index, v.results)
		case leading:
			leading = false
			e.observer.Following()
		}
	}
}

func (e *events) applied(index uint64, results []messages.Result) {
	e.queue <- event{index: index, results: results}
}
func (e *events) leading(term uint64) { e.queue <- event{leading: term} }
func (e *events) ceased()             { e.queue <- event{ceased: true} }

// close waits until the observer has heard all. Nothing may be told after it.
func (e *events) close() {
	close(e.queue)
	<-e.ended
}
