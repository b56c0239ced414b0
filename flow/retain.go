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

// Calls are dropped by Ticks, in pieces that take a millisecond, between which
// the partition has time for other commands; and by the commands that end calls,
// each of which drops as many more as it ended. So a partition whose log is full
// of commands, among which a Tick comes seldom, still drops what it ends.
const (
	maxSweep  = 64 // by one Tick
	sweepEach = 2  // for each call that ends
)

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

// ends is how many calls of a socket a command has ended.
type ends struct {
	socket *socket.Socket
	calls  int
}

// ages notes that a call of a socket has ended: the time comes when it is
// dropped, and it may be one more than the socket keeps.
func (s *step) ages(k *socket.Socket, rec *call.Record) {
	s.noteEnd(k)
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

func (s *step) noteEnd(k *socket.Socket) {
	for i := range s.ends {
		if s.ends[i].socket == k {
			s.ends[i].calls++
			return
		}
	}
	s.ends = append(s.ends, ends{k, 1})
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
// follows the other timers of a Tick: what they ended is counted.
func (s *step) sweeps(budget int) {
	for i := 0; i < len(s.sockets.touched); i++ {
		if k := s.sockets.touched[i].value; k.Sweep != 0 && k.Sweep <= s.now {
			done, next := s.sweep(k, budget, false)
			budget -= done
			s.sweepNext(k, next)
		}
	}
}

// sweepEnds lets the sockets whose calls a command has ended drop some, if they
// have any to drop. The timer of one that has more stays as it is.
func (s *step) sweepEnds() {
	if len(s.ends) > 0 {
		s.slots.keep() // which leases the command has ended is found too
	}
	for _, e := range s.ends {
		if k := e.socket; k.Sweep != 0 && k.Sweep <= s.now {
			if _, next := s.sweep(k, sweepEach*e.calls, true); next == 0 || next > s.now {
				s.sweepNext(k, next)
			}
		}
	}
}

// sweepNext sets when a socket that has dropped calls looks again; 0: when the
// next call of it ends.
func (s *step) sweepNext(k *socket.Socket, next int64) {
	timer.Drop(s.tx, sweepTimer(k))
	if k.Sweep = 0; next != 0 {
		s.sweepAt(k, next)
	}
}

// sweep drops up to budget of the calls that a socket keeps no longer. It gives
// how many it dropped, and when there are more; 0: when another call ends.
func (s *step) sweep(k *socket.Socket, budget int, keepNew bool) (done int, next int64) {
	for _, bound := range keeps(k) {
		n, at := s.sweepClass(k, bound, budget-done, keepNew)
		done += n
		if at != 0 && (next == 0 || at < next) {
			next = at
		}
	}
	return done, next
}

// sweepClass drops from the front of the calls that ended in one way, in the
// order of their arrival. One that may not go yet holds those behind it, for as
// long as a call is kept at most: so nothing is looked at twice, and a call that
// ends costs no index of ends.
func (s *step) sweepClass(k *socket.Socket, bound kept, budget int, keepNew bool) (done int, next int64) {
	if *k.Counts.Of(bound.state) == 0 {
		return 0, 0
	}
	due, next := s.due(k, bound, budget, keepNew)
	var block call.Dropping
	for _, rec := range due {
		if s.aborting(k, rec) && !plant.On(plant.AbortedDropped) {
			next = 0 // the end of its lease goes on
			break
		}
		s.dropCall(k, rec, &block)
		*k.Front(bound.state) = rec.Seq + 1
		done++
	}
	block.Close(s.tx)
	return done, next
}

// due gives up to limit calls that a socket keeps no longer, those that came
// first, and when the first behind them is to be looked at. keepNew: not those
// that have ended just now, so that whoever hears of their end can read them.
func (s *step) due(k *socket.Socket, bound kept, limit int, keepNew bool) (due []*call.Record, next int64) {
	count := *k.Counts.Of(bound.state)
	for rec := range call.ToDrop(s.tx, s.front(k, bound.state, int(min(uint64(limit), count)))) {
		if at := rec.Finished + bound.age; at > s.now && count-uint64(len(due)) <= bound.calls {
			return due, at
		}
		if keepNew && rec.Finished == s.now {
			return due, s.now
		}
		due = append(due, rec)
	}
	if uint64(len(due)) < count {
		next = s.now
	}
	return due, next
}

// front gives the places of the calls that came first of those that ended in one
// way, count of them.
func (s *step) front(k *socket.Socket, state messages.CallState, count int) (seqs []uint64) {
	k.Ended.Flush(s.tx)
	front := k.Front(state)
	for at := range roll.Ascend(s.tx, k.Number, roll.Of(state), *front) {
		for seq := at.First; seq <= at.Last && len(seqs) < count; seq++ {
			seqs = append(seqs, seq)
		}
		if len(seqs) == count {
			break
		}
	}
	if len(seqs) < count {
		fail("socket %s lists %d calls that are %s from %d on, of %d", k.ID, len(seqs), state, *front, count)
	}
	if count > 0 {
		*front = seqs[0]
	}
	return seqs
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
func (s *step) dropCall(k *socket.Socket, rec *call.Record, block *call.Dropping) {
	s.leave(k, rec.State, rec.Size)
	k.Ended.Drop(s.tx, roll.Of(rec.State), rec.Seq)
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
	if forgotten, whole := call.Drop(s.tx, rec, block); whole {
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
