package flow

import (
	"slices"

	"github.com/elasticcode/flow/flow/dead"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
)

// gates: what waits is counted and indexed; what does not is in a call or dead;
// no gate has a complete set, unless a timer is set to go on.
func (c *check) gates() {
	var waiting, letters int
	var last, ended uint64
	counts := map[string]map[string]uint64{}
	for _, a := range gate.All(c.view) {
		c.that(a.Seq > last, "arrival %d stands behind %d", a.Seq, last)
		last = a.Seq
		found, ok := gate.Find(c.view, messages.CallIDFrom(a.Id))
		c.that(ok && found.Seq == a.Seq, "the id of arrival %d does not lead to it", a.Seq)
		c.that((a.State == messages.ArrivalState_ARRIVAL_WAITING) == (a.Ended == 0), "arrival %d is %s and ended at %d", a.Seq, a.State, a.Ended)
		switch a.State {
		case messages.ArrivalState_ARRIVAL_WAITING:
			waiting++
			if counts[a.Socket] == nil {
				counts[a.Socket] = map[string]uint64{}
			}
			counts[a.Socket][a.Input]++
			c.that(a.Expires == 0 || timer.IsSet(c.view, leaveTimer(a)), "arrival %d waits for a time, and no timer is set", a.Seq)
		case messages.ArrivalState_ARRIVAL_CONSUMED:
			c.consumed(a)
		case messages.ArrivalState_ARRIVAL_DEAD:
			letters++
			ended++
		case messages.ArrivalState_ARRIVAL_CANCELLED:
			ended++
		}
	}
	c.that(last <= c.partition.arrivals, "the last arrival is %d, %d places were given out", last, c.partition.arrivals)
	c.that(ended == c.partition.ended && ended == gate.CountEnded(c.view), "%d arrivals have ended, counted are %d, listed %d", ended, c.partition.ended, gate.CountEnded(c.view))
	inputs, runs := gate.Queued(c.view)
	c.that(inputs == waiting && runs == waiting, "%d arrivals wait, %d are listed by input, %d by run", waiting, inputs, runs)
	for _, k := range c.sockets {
		c.that(len(k.Gate) == len(counts[k.ID]), "socket %s counts %v at its gate, a recount gives %v", k.ID, k.Gate, counts[k.ID])
		for _, held := range k.Gate {
			c.that(held.N == counts[k.ID][held.Key], "socket %s counts %v at its gate, a recount gives %v", k.ID, k.Gate, counts[k.ID])
		}
		c.complete(k)
	}
	for _, rec := range c.list {
		if rec.State == messages.CallState_FAILED || rec.State == messages.CallState_EXPIRED {
			letters++
		}
	}
	c.that(len(dead.List(c.view, nil, letters+1)) <= letters, "more than %d dead letters are listed", letters)
	for _, l := range dead.List(c.view, nil, letters) {
		open := openLetter(c.view, l)
		found, ok := findLetter(c.view, messages.CallIDFrom(open.shown().Id))
		died := open.shown().State == messages.CallState_FAILED || open.shown().State == messages.CallState_EXPIRED
		c.that(ok && found.Letter == l && died, "dead letter %v is of %v", l, open.shown())
	}
}

// consumed: the call that an arrival is part of names it.
func (c *check) consumed(a *messages.Arrival) {
	for _, rec := range c.list {
		if rec.ID() == messages.CallIDFrom(a.Joined) {
			named := slices.ContainsFunc(rec.Arrivals, func(id []byte) bool { return string(id) == string(a.Id) })
			c.that(named, "call %s does not name arrival %d", rec.ID(), a.Seq)
			return
		}
	}
	c.wrong("arrival %d is part of a call that is not there", a.Seq)
}

func (c *check) complete(k *socket.Socket) {
	inputs := waitsFor(k)
	if len(k.Gate) == 0 || c.tending(k) {
		return
	}
	for _, held := range k.Gate {
		known := slices.ContainsFunc(inputs, func(in gate.Input) bool { return in.Key == held.Key })
		c.that(known, "socket %s holds %v, and does not wait for it", k.ID, held)
	}
	for _, seq := range slices.Collect(k.Gate.Waiting(c.view, k.Number, k.Gate[0].Key)) {
		_, missing := k.Gate.Oldest(c.view, k.Number, inputs)
		if k.Config.Correlate == correlateTracking {
			_, missing = k.Gate.OldestOf(c.view, k.Number, inputs, messages.CallIDFrom(gate.Get(c.view, seq).Tracking))
		}
		c.that(len(missing) > 0, "the gate of socket %s is complete, and no call has formed", k.ID)
	}
}

// tending says that a timer is set to go on with a gate.
func (c *check) tending(k *socket.Socket) bool {
	return slices.ContainsFunc(timer.All(c.view), func(t timer.Timer) bool {
		return t.Kind == timer.Tend && t.Number() == uint64(k.Number)
	})
}

// group is the partition that this is: ids tell. Without any, nothing is full.
func (c *check) group() messages.GroupID {
	for _, rec := range c.list {
		return rec.ID().Partition()
	}
	for _, a := range gate.All(c.view) {
		return messages.CallIDFrom(a.Id).Partition()
	}
	return messages.Meta
}

// pressure: a socket is full when it says so, and its sources here know.
func (c *check) pressure() {
	sockets := map[string]*socket.Socket{}
	for _, k := range c.sockets {
		sockets[k.ID] = k
	}
	for _, k := range c.sockets {
		full, stuffed := k.Crowded()
		c.that(full == k.Full && slices.Equal(stuffed, k.Stuffed), "socket %s is full: %v, %v, and says %v, %v", k.ID, full, stuffed, k.Full, k.Stuffed)
		held := heldBy(k, k.Config)
		for _, p := range k.Config.GetIncoming() {
			before, here := sockets[p.Source]
			from := source{p.Source, messages.GroupID(p.Partition)}
			if here && !p.Cyclic && before.Stage != socket.Queue && from.partition == c.group() {
				want := slices.Contains(held, from)
				c.that(slices.Contains(before.Blocked, k.ID) == want, "socket %s holds its source %s back: %v; it has heard %v", k.ID, before.ID, want, before.Blocked)
			}
		}
	}
}
