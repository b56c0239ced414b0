package flow

import (
	"slices"

	"github.com/elasticcode/flow/messages"
)

// oKept is what a socket keeps of the calls that ended in one way.
func oKept(k *oSocket, state messages.CallState) (age int64, calls int) {
	r := k.config.Retention
	age, calls = r.GetAge(), int(r.GetCalls())
	forAge, forCalls := int64(7*24*3600_000), 1_000_000
	if state == isFailed || state == isExpired {
		age, calls = r.GetDeadAge(), int(r.GetDeadCalls())
		forAge, forCalls = 30*24*3600_000, 100_000
	}
	if age == 0 {
		age = forAge
	}
	if calls == 0 {
		calls = forCalls
	}
	return age * 1000, calls
}

// kept is the calls of a socket that ended in one way, in the order of arrival.
func (o *oracle) kept(k *oSocket, state messages.CallState) (all []*oCall) {
	for _, c := range o.calls {
		if c.socket == k && c.state == state && !c.gone {
			all = append(all, c)
		}
	}
	return all
}

// retain drops calls from the front of those that ended in one way, for as long
// as the first of them is too old, or one too many; then forgets ids.
func (o *oracle) retain() {
	for _, k := range o.sockets {
		o.drop(k, maxSweep, false)
	}
	o.forgetOld(o.calls)
}

// forgetOld forgets the ids of calls that are gone and ended too long ago.
func (o *oracle) forgetOld(calls []*oCall) {
	for _, c := range calls {
		unit, ended := o.unit(c), int64(0)
		for _, of := range unit {
			ended = max(ended, of.finished)
		}
		allGone := !slices.ContainsFunc(unit, func(of *oCall) bool { return !of.gone })
		c.forgotten = c.forgotten || allGone && ended+Remembered.Microseconds() <= o.now
	}
}

// drop drops up to most calls of a socket. keepNew: none that has ended just now.
func (o *oracle) drop(k *oSocket, most int, keepNew bool) (dropped []*oCall) {
	for _, state := range []messages.CallState{isFinished, isCancelled, isFailed, isExpired} {
		age, calls := oKept(k, state)
		for all := o.kept(k, state); len(all) > 0 && most > 0; all = all[1:] {
			old := all[0].finished+age <= o.now
			if !old && len(all) <= calls || o.held1(all[0]) || keepNew && all[0].finished == o.now {
				break
			}
			most--
			all[0].gone = true
			if l := o.letter(all[0].id); l != nil {
				o.forget(l)
			}
			if head := all[0].firstOfBlock; head != nil {
				head.lastDropped = all[0]
			}
			dropped = append(dropped, o.unit(all[0])...)
		}
	}
	return dropped
}

// dropBehind lets each socket drop two calls for each that a command has ended.
func (o *oracle) dropBehind() {
	for _, k := range o.sockets {
		o.forgetOld(o.drop(k, 2*k.ended, true)) // of those that are remembered a Tick forgets
		k.ended = 0
	}
}

// unit is the calls whose ids are forgotten together: those of a batch.
func (o *oracle) unit(c *oCall) (all []*oCall) {
	if c.firstOfBlock == nil {
		return []*oCall{c}
	}
	for _, of := range o.calls {
		if of.firstOfBlock == c.firstOfBlock {
			all = append(all, of)
		}
	}
	return all
}

// known is the state that an id is known with; that of a batch, once all its
// calls are gone, is that of the one which went last.
func (o *oracle) known(c *oCall) messages.CallState {
	if c.firstOfBlock != nil && !slices.ContainsFunc(o.unit(c), func(of *oCall) bool { return !of.gone }) {
		return c.firstOfBlock.lastDropped.state
	}
	return c.state
}

// held1 says whether a slot has not let go of a call yet.
func (o *oracle) held1(c *oCall) bool {
	return slices.ContainsFunc(o.slots, func(l *oSlot) bool {
		return slices.ContainsFunc(l.leases, func(lease oLease) bool { return lease.call == c })
	})
}

// nextDrop is when the first call of a socket is too old, or one too many; 0: never.
func (o *oracle) nextDrop(k *oSocket) (next int64) {
	for _, state := range []messages.CallState{isFinished, isCancelled, isFailed, isExpired} {
		age, calls := oKept(k, state)
		all := o.kept(k, state)
		if len(all) == 0 || o.held1(all[0]) {
			continue
		}
		at := max(all[0].finished+age, o.now)
		if len(all) > calls {
			at = o.now
		}
		if next == 0 || at < next {
			next = at
		}
	}
	return next
}
