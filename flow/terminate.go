package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/dead"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// ending is what a call ends with, beside its state and its error.
type ending struct {
	result []byte
	output []byte // empty: none
	routed routes // what the function sent to plugs itself
}

// terminate gives a call its one terminal state. It is in no mailbox and has no
// timer any more; a lease that it has is being aborted. This is the one way
// into a terminal state, and what the call's plugs send leaves with it.
func (s *step) terminate(k *socket.Socket, rec *call.Record, state messages.CallState, e ending) {
	if roll.Of(rec.State) != roll.Open {
		fail("call %s is %s and would become %s", rec.ID(), rec.State, state)
	}
	s.leave(k, rec.State, rec.Size)
	if rec.State == messages.CallState_QUEUED {
		roll.Leave(s.tx, k.Number, rec.Seq)
	}
	rec.State, rec.Finished, rec.Lastupdated = state, s.now, s.now
	rec.Session, rec.Slot, rec.RetryAt = "", "", 0
	rec.HasOutput = len(e.output) > 0
	given := messages.References(e.result, e.output)
	rec.Large = rec.Large || len(given) > 0
	s.enter(k, state, rec.Size)
	k.Ended.Add(s.tx, roll.Of(state), rec.Seq)
	s.ages(k, rec)
	if k.Holder.Seq == rec.Seq {
		k.Holder = socket.Holder{}
	}
	if result := e.result; result != nil {
		if plant.On(plant.CutResult) {
			result = result[:len(result)/2]
		}
		call.PutResult(s.tx, rec, result)
	}
	s.recent.calls.Put(s.tx, rec)
	if rec.HasOutput {
		call.PutOutput(s.tx, rec.Seq, e.output)
	}
	s.name(given)
	if (state == messages.CallState_FAILED || state == messages.CallState_EXPIRED) && !plant.On(plant.DeadLetterLost) {
		dead.Put(s.tx, dead.Letter{At: s.now, Kind: dead.Call, Seq: rec.Seq})
	}
	s.settle(k)
	rec.Result, rec.Output = e.result, e.output // the record is written; from here on it is the effect's
	s.effects = append(s.effects, &messages.Ended{Call: rec.Call})
	for _, id := range rec.Arrivals {
		s.effects = append(s.effects, &messages.Ended{Call: joinedCall(id, rec.Call)})
	}
	s.firePlugs(k, rec, e)
}
