package flow

import (
	"cmp"
	"slices"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
)

// removeSocket begins the end of a socket: it takes no calls any more, and goes
// when it holds none. By force, those it holds are cancelled, some at a time.
// Removing a socket that is not there does nothing, so that it can be repeated.
func (s *step) removeSocket(r *messages.RemoveSocket) *messages.Reply {
	k, ok := s.socket(r.Socket)
	if !ok || k.Stage >= socket.Forced {
		return s.unchanged(&messages.Reply{})
	}
	k.Stage = socket.Draining
	if r.Force {
		k.Stage = socket.Forced
	}
	k.SaveConfig(s.tx)
	s.tend(k, maxWork)
	s.settle(k)
	if r.Force {
		s.drain(k, 0, maxWork)
	}
	return &messages.Reply{}
}

// drain cancels up to budget of the calls that a socket holds, from a place on,
// and sets a timer to go on behind them. It gives how many it cancelled.
func (s *step) drain(k *socket.Socket, from uint64, budget int) int {
	places := s.openCalls(k, from, budget)
	for _, p := range places {
		s.cancelled(k, s.withdraw(k, p), "its socket was deleted")
	}
	if len(places) == budget {
		s.at(timer.DrainFrom(s.now, k.Number, places[len(places)-1].Seq+1))
	}
	return max(1, len(places))
}

// openCalls gives up to limit calls of a socket that have not ended, in order.
func (s *step) openCalls(k *socket.Socket, from uint64, limit int) []call.Place {
	places := s.waitingCalls(k, from, limit)
	if k.Counts.Running == 0 {
		return places
	}
	s.slots.write(func(l *slot.Slot) { l.Save(s.tx) }) // what earlier commands of the entry have leased is found too
	for _, seq := range runningOf(s.tx, k) {
		if seq >= from {
			places = append(places, call.Place{Seq: seq})
		}
	}
	slices.SortFunc(places, func(a, b call.Place) int { return cmp.Compare(a.Seq, b.Seq) })
	return places[:min(limit, len(places))]
}

// waitingCalls gives up to limit of those that wait.
func (s *step) waitingCalls(k *socket.Socket, from uint64, limit int) (places []call.Place) {
	k.Box.Flush(s.tx)
	for calls := range span.Ascend(s.tx, roll.Socket(k.Number, roll.Open), from) {
		for seq := max(from, calls.First); seq <= calls.Last; seq++ {
			if len(places) == limit {
				return places
			}
			places = append(places, call.Place{Seq: seq, Block: calls.Block})
		}
	}
	return places
}

// removeProcessor ends a processor, at the latest with the last of its sockets.
func (s *step) removeProcessor(r *messages.RemoveProcessor) *messages.Reply {
	p := s.processor(r.Processor)
	if p.Config == nil {
		return s.unchanged(&messages.Reply{})
	}
	p.Leaving = true
	return &messages.Reply{}
}

// clear removes the sockets and processors that were to go and are empty. It
// says whether slots were taken back: their calls may be leased elsewhere.
func (s *step) clear() (again bool) {
	for _, i := range s.sockets.touched {
		k := i.value
		if (k.Stage == socket.Draining || k.Stage == socket.Forced) && k.Empty() {
			k.Stage = socket.Removed
			k.SaveConfig(s.tx)
			s.processor(k.Config.Processor).Sockets--
		}
	}
	for _, i := range s.processors.touched {
		p := i.value
		if !p.Leaving || p.Sockets > 0 {
			continue
		}
		for _, l := range s.slotsOf(p) {
			s.takeBack(l, "the processor of its slot was removed")
			again = true
		}
		p.Config, p.Leaving = nil, false
		s.limitProcessor(p, "")
	}
	return again
}
