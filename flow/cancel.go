package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/mailbox"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// cancel ends a call that has not ended. The order of the log decides: a call
// that ended before stays as it is, and the answer says how.
func (s *step) cancel(c *messages.Cancel) (*messages.Reply, *messages.Error) {
	id := messages.CallIDFrom(c.Call)
	place, ok := call.Find(s.tx, id)
	if !ok {
		if a, at := gate.Find(s.tx, id); at {
			return s.cancelArrival(a, c.Reason), nil
		}
		return nil, Missing(s.tx, "cancel", id)
	}
	rec := call.At(s.tx, place)
	if roll.Of(rec.State) != roll.Open {
		call.Fill(s.tx, rec)
		return s.unchanged(callReply(rec.Call)), nil
	}
	k := s.socketOf(rec.Socket)
	rec = s.withdraw(k, place)
	s.cancelled(k, rec, c.Reason)
	return callReply(rec.Call), nil
}

func callReply(c *messages.Call) *messages.Reply {
	return &messages.Reply{Result: &messages.Reply_Call{Call: &messages.CallReply{Call: c}}}
}

func (s *step) cancelled(k *socket.Socket, rec *call.Record, reason string) {
	rec.Note(s.now, call.Cancelled, reason)
	s.terminate(k, rec, messages.CallState_CANCELLED, ending{})
}

// withdraw takes a call that has not ended away from wherever it waits or runs,
// so that it can be ended.
func (s *step) withdraw(k *socket.Socket, place call.Place) *call.Record {
	rec, ok := s.recent.calls.Take(s.tx, place.Seq)
	switch {
	case !ok:
		return s.withdrawFromBlock(k, place)
	case rec.State == messages.CallState_RUNNING:
		s.abort(rec)
	case rec.RetryAt != 0:
		timer.Drop(s.tx, retryTimer(rec))
	default:
		s.unexpire(rec)
		k.Box.Flush(s.tx)
		k.Box.Take(s.tx, mailbox.Entry{Priority: rec.Priority, Span: span.One(rec.Seq)}, rec.Seq)
	}
	return rec
}

func (s *step) withdrawFromBlock(k *socket.Socket, place call.Place) *call.Record {
	k.Box.Flush(s.tx)
	e, ok := k.Box.Find(s.tx, call.OpenBlock(s.tx, place.Block).Priority(), place.Seq)
	if !ok {
		fail("call %d has no record, and is in no mailbox", place.Seq)
	}
	span.Cut(s.tx, roll.Socket(k.Number, roll.Open), e.Span, place.Seq)
	k.Box.Take(s.tx, e, place.Seq)
	rec, _ := s.recent.calls.Block(s.tx, e.Block).Call(s.tx, place.Seq)
	return rec
}

// abort fences a running attempt. Its slot is asked to stop it; the credit is
// free when the slot says that it has.
func (s *step) abort(rec *call.Record) {
	l, ok := s.slot(slot.Name{Session: rec.Session, Slot: rec.Slot})
	if !ok {
		fail("call %s runs at a slot that is gone", rec.ID())
	}
	i := l.Find(rec.ID(), rec.Attempt)
	if i < 0 {
		fail("call %s runs at a slot that does not hold it", rec.ID())
	}
	l.Leases[i].Aborting = !plant.On(plant.CancelUnfenced)
	s.effects = append(s.effects, abort(l, l.Leases[i]))
}

func abort(l *slot.Slot, lease slot.Lease) *messages.Abort {
	return &messages.Abort{Session: l.Session, Slot: l.Name.Slot, Call: lease.Call.Bytes(), Attempt: lease.Attempt}
}
