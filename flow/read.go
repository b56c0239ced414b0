package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/tally"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// GetCall gives a call with its result, its log and what it waits for, and with
// its arguments if they are asked for. now is the reader's clock, microseconds:
// it only words how long a retry is away.
func GetCall(view kv.View, id messages.CallID, withArguments bool, now int64) (*messages.Call, bool) {
	place, ok := call.Find(view, id)
	if !ok {
		return getArrival(view, id, withArguments, now)
	}
	rec := call.At(view, place)
	newWaits(view, now).explain(rec)
	call.Fill(view, rec)
	rec.Log = call.Log(view, rec.Seq, over(rec))
	if withArguments {
		rec.Arguments = call.Arguments(view, rec)
	}
	return rec.Call, true
}

// over is the last attempt that is over.
func over(rec *call.Record) uint32 {
	if rec.State == messages.CallState_RUNNING {
		return rec.Attempt - 1
	}
	return rec.Attempt
}

// Logs gives what an attempt of a call has printed, or each of those that are
// kept if attempt is 0.
func Logs(view kv.View, id messages.CallID, attempt uint32) (logs []*messages.AttemptLog) {
	place, ok := call.Find(view, id)
	if !ok {
		return nil
	}
	for _, l := range call.Logs(view, place.Seq) {
		if attempt == 0 || attempt == l.Attempt {
			logs = append(logs, l)
		}
	}
	return logs
}

// getArrival gives a message at a gate, or the call that it is part of.
func getArrival(view kv.View, id messages.CallID, withArguments bool, now int64) (*messages.Call, bool) {
	a, ok := gate.Find(view, id)
	switch {
	case !ok:
		return nil, false
	case a.State == messages.ArrivalState_ARRIVAL_CONSUMED:
		c, ok := GetCall(view, messages.CallIDFrom(a.Joined), withArguments, now)
		if !ok {
			fail("arrival %s is part of a call that is gone", id)
		}
		return joinedCall(a.Id, c), true
	}
	c := endedArrival(a)
	c.Waiting = explainArrival(view, a)
	if withArguments {
		c.Arguments = gate.Given(a)
	}
	return c, true
}

// Count gives how many calls a socket has had, or the partition if the socket's
// id is empty. A socket that is not known has had none.
func Count(view kv.View, socketID string) *messages.Stats {
	if socketID == "" {
		p := loadPartition(view)
		stats := p.counts.Stats()
		stats.FeatureLevel = p.level
		return stats
	}
	k, ok := socket.Load(view, socketID, nil)
	if !ok {
		return &messages.Stats{}
	}
	stats := k.Counts.Stats()
	stats.Waiting = int64(k.Gate.Total())
	return stats
}

// Figures are the numbers of a partition, for those who watch it.
type Figures struct {
	Accepted     uint64 // calls since the partition was made
	tally.Counts        // of those that it keeps
}

// Kept gives a partition's figures.
func Kept(view kv.View) Figures {
	p := loadPartition(view)
	return Figures{p.seq, p.counts}
}

// SocketHeld says how many calls a socket holds that have not ended, what waits
// at its gate included, and
// whether the socket is there: one that was removed is not.
func SocketHeld(view kv.View, socketID string) (held int64, there bool) {
	k, ok := socket.Load(view, socketID, nil)
	if !ok {
		return 0, false
	}
	return int64(k.Held()), k.Stage != socket.Removed
}

// NextTimer says when a Tick is due, in microseconds. It may be early: then the
// Tick finds nothing, and sets it right. It may be in the past: then work is
// left over, and a Tick is due at once.
func NextTimer(view kv.View) (micros int64, ok bool) {
	p := loadPartition(view)
	return p.wake, p.wake != timer.Never
}

// Sessions gives the sessions that are open, by node.
func Sessions(view kv.View) (open []string) {
	for _, s := range slot.AllSessions(view) {
		if s.Open {
			open = append(open, s.ID().String())
		}
	}
	return open
}
