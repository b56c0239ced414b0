package raftstore

import (
	"sync/atomic"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// listening is an observer that notes what it hears.
type listening struct {
	t      *testing.T
	at     atomic.Bool // it is being told something
	hold   chan struct{}
	index  uint64
	leads  bool
	direct int // entries told by their applier
	here   atomic.Bool
}

func (l *listening) hears() (done func()) {
	if !l.at.CompareAndSwap(false, true) {
		l.t.Error("the observer is told two things at once")
	}
	return func() { l.at.Store(false) }
}

func (l *listening) Applied(index uint64, _ []messages.Result) {
	defer l.hears()()
	if index != l.index+1 {
		l.t.Errorf("entry %d is told after %d", index, l.index)
	}
	l.index = index
	if l.here.Load() {
		l.direct++
	}
	<-l.hold
}

func (l *listening) Leading(uint64) { defer l.hears()(); l.leads = true }
func (l *listening) Following()     { defer l.hears()(); l.leads = false }

// TestEntriesAreToldInOrder tells some by their applier and some not, while
// leadership comes and goes.
func TestEntriesAreToldInOrder(t *testing.T) {
	l := &listening{t: t, hold: make(chan struct{})}
	close(l.hold)
	e := observe(l)
	turns := make(chan struct{})
	go func() {
		defer close(turns)
		for i := range uint64(200) {
			e.leading(i + 1)
			e.ceased()
		}
	}()
	const entries = 5000
	for i := range uint64(entries) {
		results := make([]messages.Result, 1)
		if i%7 == 0 {
			results = make([]messages.Result, directly+1)
		}
		e.applied(i+1, results)
	}
	<-turns
	e.close()
	if l.index != entries || l.leads {
		t.Errorf("told up to entry %d, leads: %v", l.index, l.leads)
	}
}

// TestFewAreToldAtOnce sees an entry of few commands told before its applier goes
// on, unless the observer is still busy with another.
func TestFewAreToldAtOnce(t *testing.T) {
	l := &listening{t: t, hold: make(chan struct{}, 3)}
	e := observe(l)
	l.hold <- struct{}{}
	l.here.Store(true)
	e.applied(1, make([]messages.Result, directly))
	l.here.Store(false)
	if l.direct != 1 {
		t.Errorf("%d entries were told at once", l.direct)
	}
	e.applied(2, make([]messages.Result, directly+1)) // the observer does not come back from it yet
	e.applied(3, make([]messages.Result, 1))
	l.hold <- struct{}{}
	l.hold <- struct{}{}
	e.close()
	if l.index != 3 {
		t.Errorf("told up to entry %d", l.index)
	}
}
