package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/mailbox"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// tick fires the timers that are due, up to a bound. What is left is due still:
// NextTimer says so.
func (s *step) tick() *messages.Reply {
	reply := &messages.Reply{}
	if s.partition.wake > s.now {
		return s.unchanged(reply)
	}
	due, next := timer.Due(s.tx, s.partition.wake, s.now, maxWork)
	s.partition.wake = timer.Never // timers that are set while others fire lower it again
	done := 0
	for i := 0; i < len(due); i++ {
		if done >= maxWork {
			next = due[i].At
			break
		}
		if !timer.IsSet(s.tx, due[i]) {
			continue // one that fired before it has ended what it was for
		}
		timer.Drop(s.tx, due[i])
		done += s.fire(due[i], maxWork-done)
	}
	s.ends = s.ends[:0] // a Tick has a budget of its own
	s.sweeps(maxSweep)
	s.partition.wake = min(s.partition.wake, next)
	return reply
}

// fire does what a timer says, on up to budget calls, and gives on how many.
func (s *step) fire(t timer.Timer, budget int) int {
	switch t.Kind {
	case timer.Retry:
		s.retry(t.Number())
	case timer.Expire:
		if plant.On(plant.ExpiredStarts) {
			return 1
		}
		s.expire(call.Place{Seq: t.Number()})
	case timer.ExpireBlock:
		return s.expireBlock(t.Number(), budget)
	case timer.Drain:
		return s.drain(s.numbered(uint32(t.Number())), t.From(), budget)
	case timer.Dispatch:
		s.wants(s.processor(t.Target))
	case timer.Pace:
		s.wakeSocket(s.numbered(uint32(t.Number())))
	case timer.AllPace:
		s.wakeProcessor(s.processor(t.Target))
	case timer.Leave:
		s.expireArrival(t.Number())
	case timer.Tend:
		return s.tend(s.numbered(uint32(t.Number())), budget)
	case timer.DropValue:
		return s.dropValue(t)
	case timer.Sweep:
		s.numbered(uint32(t.Number())) // it is loaded: sweeps sees that its time has come
	case timer.Forget:
		return s.forgetDropped(budget)
	case timer.Clear:
		return s.clearArrivals(budget)
	default:
		fail("a timer of kind %d", t.Kind)
	}
	return 1
}

// retry puts a call that has waited for its retry into its mailbox.
func (s *step) retry(seq uint64) {
	rec := s.load(seq)
	k := s.socketOf(rec.Socket)
	s.queue(k, rec)
	s.recent.calls.Put(s.tx, rec)
	s.settle(k)
}

// expire ends a call that has not started in time.
func (s *step) expire(place call.Place) {
	k := s.socketOf(call.At(s.tx, place).Socket)
	rec := s.withdraw(k, place)
	rec.Note(s.now, call.Expired, "")
	rec.Error = &messages.Failure{Type: "expired", Message: "it had not started in time"}
	s.terminate(k, rec, messages.CallState_EXPIRED, ending{})
}

// expireBlock ends the calls that are still in their block. None are if the block
// is gone: they ended otherwise, and were dropped before their time was over.
func (s *step) expireBlock(last uint64, budget int) int {
	if !call.HasBlock(s.tx, last) {
		return 1
	}
	b := call.OpenBlock(s.tx, last)
	places := inBlock(s, s.socketOf(b.Socket()), b, budget)
	for _, p := range places {
		s.expire(p)
	}
	if len(places) == budget {
		s.at(timer.Timer{At: s.now, Kind: timer.ExpireBlock, Target: timer.Seq(last)})
	}
	return max(1, len(places))
}

// inBlock gives up to limit calls of a block that have no record yet.
func inBlock(s *step, k *socket.Socket, b *call.Block, limit int) (places []call.Place) {
	k.Box.Flush(s.tx)
	for e := range k.Box.From(s.tx, b.Priority(), b.Span().First) {
		if e.First > b.Span().Last || e.Priority != b.Priority() {
			break
		}
		places = appendPlaces(places, e, limit)
		if len(places) == limit {
			break
		}
	}
	return places
}

func appendPlaces(places []call.Place, e mailbox.Entry, limit int) []call.Place {
	for seq := e.First; e.Block != 0 && seq <= e.Last && len(places) < limit; seq++ {
		places = append(places, call.Place{Seq: seq, Block: e.Block})
	}
	return places
}
