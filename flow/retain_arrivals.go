package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/dead"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
)

// ended tells of an arrival that waits no more and is part of no call, and sees
// to it that it is dropped when it has been kept for as long as a dead call.
func (s *step) ended(a *messages.Arrival) {
	s.effects = append(s.effects, &messages.Ended{Call: endedArrival(a)})
	gate.PutEnded(s.tx, a)
	s.partition.ended++
	if s.partition.ended > keepDeadCalls+maxExcess {
		s.clearAt(s.now)
	} else {
		s.clearAt(s.now + keepDeadAge.Microseconds())
	}
}

// clearAt sets when arrivals are dropped next, if that is not sooner.
func (s *step) clearAt(at int64) {
	p := &s.partition
	if p.clear != 0 {
		if p.clear <= at {
			return
		}
		timer.Drop(s.tx, timer.Timer{At: p.clear, Kind: timer.Clear})
	}
	p.clear = at
	s.at(timer.Timer{At: at, Kind: timer.Clear})
}

// clearArrivals drops up to budget arrivals that have been kept for long enough,
// or are too many; the first to end goes first.
func (s *step) clearArrivals(budget int) (done int) {
	s.partition.clear = 0
	excess := max(0, int(s.partition.ended)-keepDeadCalls)
	due, next := gate.Ended(s.tx, s.now-keepDeadAge.Microseconds(), min(excess, budget), budget)
	for _, a := range due {
		gate.DropEnded(s.tx, a)
		dead.Drop(s.tx, dead.Letter{At: a.Ended, Kind: dead.Arrival, Seq: a.Seq})
		s.dropArrival(a, endedArrival(a).State, a.Ended)
		s.partition.ended--
	}
	switch {
	case len(due) == budget:
		s.clearAt(s.now)
	case next != 0:
		s.clearAt(next + keepDeadAge.Microseconds())
	}
	return max(1, len(due))
}

// dropArrival takes away an arrival that waits no more.
func (s *step) dropArrival(a *messages.Arrival, state messages.CallState, ended int64) {
	gate.Drop(s.tx, a)
	s.unname(gate.References(a))
	s.remember(call.Dropped{First: messages.CallIDFrom(a.Id), Count: 1, State: state, Content: a.Content, Ended: ended})
}
