package flow

import (
	"bytes"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/memory"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// number gives out count places among the calls, or the arrivals: the one way in which ids come into the
// state, of calls whose ids follow on from id's, or of an arrival.
func (s *step) number(id messages.CallID, places *uint64, count uint64) {
	before := s.partition.given()
	*places += count
	if ms, timed := id.Milliseconds(); timed {
		s.partition.latest = max(s.partition.latest, ms)
	}
	s.recent.ids.Add(id, before, s.partition.given())
}

// isNew says that an id is known for sure to be of no call and no arrival that there is or was.
func (s *step) isNew(id messages.CallID) bool {
	return s.recent.ids.New(id, s.partition.given(), s.partition.latest)
}

// known says whether an id is that of a call or an arrival, or was.
func (s *step) known(id messages.CallID) bool {
	if s.isNew(id) {
		return false
	}
	if _, ok := call.Known(s.tx, id); ok {
		return true
	}
	if _, ok := s.arrival(id); ok {
		return true
	}
	_, ok := s.dropped(id, 1)
	return ok
}

// dropped gives what is remembered of count ids from first on.
func (s *step) dropped(first messages.CallID, count int) (call.Dropped, bool) {
	if s.partition.remembered == 0 {
		return call.Dropped{}, false // most calls are kept for longer than their ids have to be, and each call asks
	}
	return memory.FindAny(s.tx, first, count)
}

// droppedBefore answers a key of which the call was dropped.
func (s *step) droppedBefore(id messages.CallID, d call.Dropped, content []byte) (*messages.Reply, *messages.Error) {
	if !bytes.Equal(d.Content, content) {
		return nil, otherContent(id)
	}
	return s.unchanged(enqueuedAndDropped(id, d.State)), nil
}

// enqueuedAndDropped answers for a call of which nothing is left but that it was.
func enqueuedAndDropped(id messages.CallID, state messages.CallState) *messages.Reply {
	reply := enqueued(id, state, true)
	reply.GetEnqueued().Dropped = true
	return reply
}

// Missing says why there is no call with an id: it was dropped after its end, or
// has never been there.
func Missing(view kv.View, op string, id messages.CallID) *messages.Error {
	subject := "call " + id.String()
	d, ok := memory.Find(view, id)
	if place, known := call.Known(view, id); known {
		_, here := call.Find(view, id)
		d.State, ok = call.At(view, place).State, !here
	}
	if ok {
		return messages.Dropped(op, subject, d.State)
	}
	return messages.Errorf(messages.NotFound, op, subject, "there is no such call").
		WithHint("`flowcli ls calls` shows the latest")
}

// remember keeps the ids of what was dropped until the time in which they may
// be sent again is over.
func (s *step) remember(d call.Dropped) {
	until := d.Ended + Remembered.Microseconds()
	if until <= s.now {
		return
	}
	memory.Keep(s.tx, d, until)
	s.partition.remembered++
	s.forgetAt(until)
}

// forgetAt sets when ids are forgotten next, if none are sooner.
func (s *step) forgetAt(at int64) {
	p := &s.partition
	if p.forget != 0 {
		if p.forget <= at {
			return
		}
		timer.Drop(s.tx, timer.Timer{At: p.forget, Kind: timer.Forget})
	}
	p.forget = at
	s.at(timer.Timer{At: at, Kind: timer.Forget})
}

// forgetDropped forgets up to budget ids, and gives how many.
func (s *step) forgetDropped(budget int) int {
	done, next := memory.Forget(s.tx, s.partition.forget, s.now, budget)
	s.partition.forget = 0
	s.partition.remembered -= uint64(done)
	if next != 0 {
		s.forgetAt(next)
	}
	return max(1, done)
}
