package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/messages"
)

// terminate gives a call its one terminal state. It is in no mailbox and has no
// timer any more; a lease that it has is being aborted. This is the one way
// into a terminal state.
func (s *step) terminate(k *socket.Socket, rec *call.Record, state messages.CallState, result []byte) {
	if roll.Of(rec.State) != roll.Open {
		fail("call %s is %s and would become %s", rec.ID(), rec.State, state)
	}
	s.leave(k, rec.State, rec.Size)
	rec.State, rec.Finished, rec.Lastupdated = state, s.now, s.now
	rec.Session, rec.Slot, rec.RetryAt = "", "", 0
	rec.HasResult = result != nil
	s.enter(k, state, rec.Size)
	roll.End(s.tx, k.Number, rec.Seq, state)
	if k.Holder.Seq == rec.Seq {
		k.Holder = socket.Holder{}
	}
	call.Put(s.tx, rec)
	if rec.HasResult {
		call.PutResult(s.tx, rec.Seq, result)
		rec.Result = result // the record is written; from here on it is the effect's
	}
	s.settle(k)
	s.effects = append(s.effects, &messages.Ended{Call: rec.Call})
}
