package flow

import (
	"slices"
	"time"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/dead"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// How long ended calls are kept, when nothing else is said.
const (
	keepAge       = 7 * 24 * time.Hour
	keepCalls     = 1_000_000
	keepDeadAge   = 30 * 24 * time.Hour
	keepDeadCalls = 100_000
)

// maxExcess is how many calls more than its bound a socket may keep, so that
// they are dropped in pieces, and not one with each call that ends.
const maxExcess = 256

// kept is what a socket keeps of the calls that ended in one way.
type kept struct {
	state messages.CallState
	age   int64 // microseconds
	calls uint64
}

func (b kept) excess() uint64 { return b.calls + min(maxExcess, b.calls/8) }

// keeps gives what a socket keeps, by state.
func keeps(k *socket.Socket) [4]kept {
	r := k.Config.GetRetention()
	age, calls := orElse(r.GetAge(), keepAge), uint64(or(r.GetCalls(), keepCalls))
	deadAge, deadCalls := orElse(r.GetDeadAge(), keepDeadAge), uint64(or(r.GetDeadCalls(), keepDeadCalls))
	return [4]kept{
		{messages.CallState_FINISHED, age, calls}, {messages.CallState_CANCELLED, age, calls},
		{messages.CallState_FAILED, deadAge, deadCalls}, {messages.CallState_EXPIRED, deadAge, deadCalls},
	}
}

func or(n, otherwise int64) int64 {
	if n > 0 {
		return n
	}
	return otherwise
}

func orElse(milliseconds int64, otherwise time.Duration) int64 {
	return micros(or(milliseconds, otherwise.Milliseconds()))
}

// ages notes that a call of a socket has ended: the time comes when it is
// dropped, and it may be one more than the socket keeps.
func (s *step) ages(k *socket.Socket, rec *call.Record) {
	front := k.Front(rec.State)
	*front = min(*front, rec.Seq)
	for _, bound := range keeps(k) {
		switch {
		case bound.state != rec.State:
		case *k.Counts.Of(rec.State) > bound.excess():
			s.sweepAt(k, s.now)
		default:
			s.sweepAt(k, s.now+bound.age)
		}
	}
}

// sweepAt sets when a socket looks next for calls to drop, if it does not look
// sooner.
func (s *step) sweepAt(k *socket.Socket, at int64) {
	if k.Sweep != 0 {
		if k.Sweep <= at {
			return
		}
		timer.Drop(s.tx, sweepTimer(k))
	}
	k.Sweep = at
	s.at(sweepTimer(k))
}

func sweepTimer(k *socket.Socket) timer.Timer {
	return timer.Timer{At: k.Sweep, Kind: timer.Sweep, Target: timer.Seq(uint64(k.Number))}
}

// sweeps lets the sockets whose time it is drop calls, up to a budget. It
// follows the other timers: what they ended is counted.
func (s *step) sweeps(budget int) {
	for i := 0; i < len(s.sockets.touched); i++ {
		if k := s.sockets.touched[i].value; k.Sweep != 0 && k.Sweep <= s.now {
			timer.Drop(s.tx, sweepTimer(k))
			k.Sweep = 0
			budget -= s.sweep(k, budget)
		}
	}
}

// sweep drops up to budget of the calls that a socket keeps no longer, and says
// when it looks again. It gives how many it dropped.
func (s *step) sweep(k *socket.Socket, budget int) (done int) {
	for _, bound := range keeps(k) {
		done += s.sweepClass(k, bound, budget-done)
	}
	return done
}

// sweepClass drops from the front of the calls that ended in one way, in the
// order of their arrival. One that may not go yet holds those behind it, for as
// long as a call is kept at most: so nothing is looked at twice, and a call that
// ends costs no index of ends.
func (s *step) sweepClass(k *socket.Socket, bound kept, budget int) (done int) {
	count := k.Counts.Of(bound.state)
	for *count > 0 {
		if done >= budget {
			s.sweepAt(k, s.now)
			return done
		}
		rec := s.oldest(k, bound.state)
		due := rec.Finished + bound.age
		if *count <= bound.calls && due > s.now {
			s.sweepAt(k, due)
			return done
		}
		if s.aborting(k, rec) && !plant.On(plant.AbortedDropped) {
			return done // the end of its lease goes on
		}
		s.dropCall(k, rec)
		done++
	}
	return done
}

// oldest is the call that came first of those that ended in one way.
func (s *step) oldest(k *socket.Socket, state messages.CallState) *call.Record {
	front := k.Front(state)
	for at := range span.Ascend(s.tx, roll.Socket(k.Number, roll.Of(state)), *front) {
		*front = at.Last
		return s.load(at.Last)
	}
	fail("socket %s counts calls that are %s, and lists none from %d on", k.ID, state, *front)
	return nil
}

// aborting says whether a slot still holds a call that was cancelled.
func (s *step) aborting(k *socket.Socket, rec *call.Record) bool {
	if k.Leased == 0 || rec.State != messages.CallState_CANCELLED || rec.Attempt == 0 {
		return false
	}
	s.slots.write(func(l *slot.Slot) { l.Save(s.tx) }) // what earlier commands of the entry have done is found too
	return slices.ContainsFunc(slot.All(s.tx, ""), func(l *slot.Slot) bool { return l.Find(rec.ID(), rec.Attempt) >= 0 })
}

// dropCall takes away an ended call and all that hangs on it.
func (s *step) dropCall(k *socket.Socket, rec *call.Record) {
	s.leave(k, rec.State, rec.Size)
	span.Drop(s.tx, roll.Socket(k.Number, roll.Of(rec.State)), rec.Seq)
	if run := messages.CallIDFrom(rec.Tracking); run != rec.ID() {
		s.leaveRun(run, rec.Seq)
	}
	if rec.State == messages.CallState_FAILED || rec.State == messages.CallState_EXPIRED {
		dead.Drop(s.tx, dead.Letter{At: rec.Finished, Kind: dead.Call, Seq: rec.Seq})
	}
	for _, id := range rec.Arrivals {
		if a, ok := gate.Find(s.tx, messages.CallIDFrom(id)); ok {
			s.dropArrival(a, rec.State, rec.Finished)
		}
	}
	s.unname(s.namedBy(rec))
	if forgotten, whole := call.Drop(s.tx, rec); whole {
		s.remember(forgotten)
	}
}

// leaveRun takes a call out of the list of its run.
func (s *step) leaveRun(run messages.CallID, seq uint64) {
	prefix := roll.Run(run)
	if at, ok := span.Find(s.tx, prefix, seq); ok {
		span.Cut(s.tx, prefix, at, seq)
	}
}
