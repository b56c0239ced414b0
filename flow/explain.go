package flow

import (
	"fmt"
	"slices"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/mailbox"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// What a call waits for, in one word. Paused and stopped are statuses of its
// processor. What the model knows better than the partition, a lack of CPUs, a
// host or a processor that is gone, is said by whoever sees both.
const (
	Ended       = "ended"
	AtGate      = "gate"
	Retry       = "retry"
	BuildFailed = "build_failed"
	Building    = "building"
	RateLimited = "rate_limited"
	Starting    = "starting" // workers, with an environment that is there
	Blocked     = "blocked"
	NoWorker    = "no_worker"
	Ordered     = "ordered"
	Turn        = "turn"
	Running     = "running"
	Leased      = "leased"
)

// maxAhead bounds how many entries of a mailbox are counted to say how many
// calls go first.
const maxAhead = 10_000

// Explain says what a call waits for and since when, or how it ended. now is the
// reader's clock, as in GetCall.
func Explain(view kv.View, id messages.CallID, now int64) (*messages.Explanation, bool) {
	place, ok := call.Find(view, id)
	if !ok {
		return explainMessage(view, id, now)
	}
	rec := call.At(view, place)
	w := newWaits(view, now)
	why := w.why(rec)
	if roll.Of(rec.State) != roll.Open {
		why = ended(rec.Call)
	}
	if why.Cause == Turn {
		w.countAhead(rec, why)
	}
	why.Id, why.Socket, why.State = id.String(), rec.Name, rec.State.String()
	return why, true
}

// ended says how a call ended.
func ended(c *messages.Call) *messages.Explanation {
	why := &messages.Explanation{Since: c.Finished, Node: c.Node, Attempt: c.Attempt}
	switch {
	case c.Error != nil && c.State == messages.CallState_EXPIRED: // the state says already what the type does
		return because(why, Ended, "%s", c.Error.Message)
	case c.Error != nil:
		return because(why, Ended, "%s: %s", c.Error.Type, c.Error.Message)
	}
	if note := cancelNote(c); note != "" {
		return because(why, Ended, "%s", note)
	}
	return because(why, Ended, "it has ended")
}

// cancelNote is why a call was cancelled, and by whom, as far as anybody said.
func cancelNote(c *messages.Call) string {
	if c.State != messages.CallState_CANCELLED {
		return ""
	}
	for _, e := range slices.Backward(c.Events) {
		if e.Name == call.Cancelled {
			return e.Note
		}
	}
	return ""
}

// explainMessage explains an arrival: what its gate misses, or what the call
// that it is part of waits for.
func explainMessage(view kv.View, id messages.CallID, now int64) (*messages.Explanation, bool) {
	a, ok := gate.Find(view, id)
	if !ok {
		return nil, false
	}
	if a.State == messages.ArrivalState_ARRIVAL_CONSUMED {
		why, ok := Explain(view, messages.CallIDFrom(a.Joined), now)
		if ok {
			why.Behind = why.Id
			why.Id = id.String()
		}
		return why, ok
	}
	c := endedArrival(a)
	why := ended(c)
	if a.State == messages.ArrivalState_ARRIVAL_WAITING {
		why = because(&messages.Explanation{Since: a.Received, Until: a.Expires}, AtGate, "%s", explainArrival(view, a))
		for _, in := range missingAt(view, a) {
			why.Missing = append(why.Missing, in.Shown())
		}
	}
	why.Id, why.Socket, why.State = id.String(), a.Name, c.State.String()
	return why, true
}

// countAhead counts the calls of the same mailbox that go first.
func (w *waits) countAhead(rec *call.Record, why *messages.Explanation) {
	entries := 0
	for _, e := range w.socket(rec.Socket).Box.EntriesUntil(w.view, rec.Priority, rec.Seq) {
		if entries++; entries > maxAhead {
			why.Text = fmt.Sprintf("behind more than %d other calls", why.Ahead)
			return
		}
		why.Ahead += int64(before(e, rec))
	}
	if why.Ahead > 0 {
		why.Text = fmt.Sprintf("behind %d other calls", why.Ahead)
	} else {
		why.Text = "next: all slots are busy"
	}
}

// before is how many calls of an entry go before a call.
func before(e mailbox.Entry, rec *call.Record) uint64 {
	if e.Priority == rec.Priority && e.First <= rec.Seq && rec.Seq <= e.Last {
		return rec.Seq - e.First
	}
	return e.Len()
}
