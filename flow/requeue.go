package flow

import (
	"fmt"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/mailbox"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/messages"
)

// queue puts a call that has a record into its mailbox, at the place that its
// arrival gave it. The caller writes the record.
func (s *step) queue(k *socket.Socket, rec *call.Record) {
	rec.State = messages.CallState_QUEUED
	rec.Session, rec.Slot, rec.RetryAt = "", "", 0
	k.Box.Put(s.tx, mailbox.Entry{Priority: rec.Priority, Span: span.One(rec.Seq)})
	if k.Holder.Seq == rec.Seq {
		k.Holder.Priority, k.Holder.Ready = rec.Priority, true
	}
}

// requeue puts a running call back into its mailbox.
func (s *step) requeue(k *socket.Socket, rec *call.Record, event, note string) {
	rec.Note(s.now, event, note)
	s.leave(k, messages.CallState_RUNNING, rec.Size)
	s.queue(k, rec)
	roll.Wait(s.tx, k.Number, rec.Seq)
	s.enter(k, messages.CallState_QUEUED, rec.Size)
	s.recent.calls.Put(s.tx, rec)
}

// giveBack ends a lease that is not to blame for anything: its call is queued
// again. A call that was cancelled stays so.
func (s *step) giveBack(l slot.Lease, event, note string) {
	s.endLease(l, func(k *socket.Socket, rec *call.Record) { s.requeue(k, rec, event, note) })
}

// endLease ends a lease, and says what becomes of its call if that was not cancelled.
func (s *step) endLease(l slot.Lease, then func(k *socket.Socket, rec *call.Record)) *call.Record {
	rec := s.load(l.Seq)
	k := s.socketOf(rec.Socket)
	s.unlease(k)
	if !l.Aborting {
		then(k, rec)
	} else {
		s.sweepAt(k, s.now) // it may have been due to be dropped, and have waited for this
	}
	s.settle(k)
	return rec
}

// chargeCrash counts the death of the worker that ran a call.
func (s *step) chargeCrash(k *socket.Socket, rec *call.Record, reason string) {
	rec.Crashes++
	note := fmt.Sprintf("its worker died, %d of %d: %s", rec.Crashes, messages.MaxCrashes, reason)
	if rec.Crashes < messages.MaxCrashes {
		s.requeue(k, rec, call.Retried, note)
		return
	}
	s.quarantine(k, rec, note)
}

// chargeLost counts the end of the session that ran a call.
func (s *step) chargeLost(k *socket.Socket, rec *call.Record, reason string) {
	rec.Lost++
	note := fmt.Sprintf("its session ended, %d of %d: %s", rec.Lost, messages.MaxLost, reason)
	if rec.Lost < messages.MaxLost {
		s.requeue(k, rec, call.Lost, note)
		return
	}
	s.quarantine(k, rec, note)
}

// quarantine ends a call that has cost too many workers or sessions.
func (s *step) quarantine(k *socket.Socket, rec *call.Record, reason string) {
	rec.Note(s.now, call.Postrun, "quarantined")
	rec.Error = call.Bound(&messages.Failure{Type: "quarantined", Message: reason})
	s.terminate(k, rec, messages.CallState_FAILED, ending{})
}
