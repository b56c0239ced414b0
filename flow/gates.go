package flow

import (
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// maxShown bounds the arrivals that are shown of each input of a gate.
const maxShown = 10

// Gate gives how the gate of a socket is filled: what it waits for, and how much
// of each has arrived. A socket that is not known has none.
func Gate(view kv.View, socketID string) (*messages.Gate, bool) {
	k, ok := socket.Load(view, socketID, nil)
	if !ok || k.Stage == socket.Removed {
		return nil, false
	}
	g := &messages.Gate{Socket: k.Config.Name, Correlate: k.Config.Correlate, Overflow: "block", Full: k.Full || len(k.Stuffed) > 0}
	if gate.DeadLetters(k.Config) {
		g.Overflow = "dead_letter"
	}
	for _, in := range waitsFor(k) {
		g.Gated, g.Limit = true, int64(gate.Limit(k.Config))
		shown := &messages.GateInput{Argument: in.Argument, Plug: in.Plug, Waiting: int64(k.Gate.Of(in.Key))}
		for seq := range k.Gate.Waiting(view, k.Number, in.Key) {
			a := gate.Get(view, seq)
			a.Value = nil
			if shown.Oldest = append(shown.Oldest, a); len(shown.Oldest) == maxShown {
				break
			}
		}
		g.Full = g.Full || shown.Waiting >= g.Limit
		g.Inputs = append(g.Inputs, shown)
	}
	g.Stuck = stuckness(k)
	return g, true
}

// callOfArrival is an arrival as it is shown where calls are: once it is part of
// a call, it stands for that call; its own id stays.
func callOfArrival(view kv.View, a *messages.Arrival) *messages.Call {
	if a.State != messages.ArrivalState_ARRIVAL_CONSUMED {
		return endedArrival(a)
	}
	place, ok := call.Find(view, messages.CallIDFrom(a.Joined))
	if !ok {
		fail("arrival %d is part of a call that is gone", a.Seq)
	}
	rec := call.At(view, place)
	call.Fill(view, rec)
	return joinedCall(a.Id, rec.Call)
}

// joinedCall is how a call looks to those who wait for one of its arrivals.
func joinedCall(arrival []byte, c *messages.Call) *messages.Call {
	c = proto.CloneOf(c)
	c.Joined, c.Id = c.Id, arrival
	c.Arrivals = nil
	return c
}

// endedArrival is an arrival that is part of no call.
func endedArrival(a *messages.Arrival) *messages.Call {
	c := &messages.Call{Id: a.Id, Socket: a.Socket, Name: a.Name, State: messages.CallState_WAITING, Owner: a.Owner,
		Received: a.Received, Finished: a.Ended, Lastupdated: max(a.Received, a.Ended), Tracking: a.Tracking, Parent: a.Parent,
		Taskparent: a.Taskparent, Flowparent: a.Flowparent, Priority: a.Priority, Hops: a.Hops, Plug: a.PlugName,
		Size:   messages.ValueSize(a.Value) + call.Size(a.Arguments),
		Events: []*messages.Event{{Name: call.Received, Time: a.Received}}}
	switch a.State {
	case messages.ArrivalState_ARRIVAL_DEAD:
		c.State, c.Error = messages.CallState_FAILED, &messages.Failure{Type: "dead_letter", Message: a.Reason}
	case messages.ArrivalState_ARRIVAL_CANCELLED:
		c.State = messages.CallState_CANCELLED
		c.Events = append(c.Events, &messages.Event{Name: call.Cancelled, Time: a.Ended, Note: a.Reason})
	}
	return c
}

// missingAt gives what the gate of an arrival has not got.
func missingAt(view kv.View, a *messages.Arrival) []gate.Input {
	k, ok := socket.Load(view, a.Socket, nil)
	if !ok {
		return nil
	}
	_, missing := k.Gate.Oldest(view, k.Number, waitsFor(k))
	if k.Config.Correlate == correlateTracking {
		_, missing = k.Gate.OldestOf(view, k.Number, waitsFor(k), messages.CallIDFrom(a.Tracking))
	}
	return missing
}

// explainArrival says what an arrival that waits at a gate waits for.
func explainArrival(view kv.View, a *messages.Arrival) string {
	k, ok := socket.Load(view, a.Socket, nil)
	if !ok || a.State != messages.ArrivalState_ARRIVAL_WAITING {
		return ""
	}
	missing := missingAt(view, a)
	if len(missing) == 0 {
		return "gate: behind others" // a bounded piece of work goes on
	}
	return "gate: missing " + gate.Shown(missing) + crowdedOut(k, missing)
}
