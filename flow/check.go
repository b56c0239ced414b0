package flow

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/flow/processor"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/flow/tally"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Check reads the whole state and says which of its invariants do not hold. It
// is for tests and simulation: it costs as much as there are calls.
func Check(view kv.View) (err error) {
	defer func() {
		if broken, ok := recover().(pack.Broken); ok {
			err = broken
		}
	}()
	c := &check{view: view, partition: loadPartition(view), calls: map[uint64]*call.Record{}, virtual: map[uint64]bool{}}
	c.sockets, c.processors, c.slots = socket.All(view), processor.All(view), slot.All(view, "")
	c.readCalls()
	c.counters()
	c.mailboxes()
	c.rolls()
	c.leases()
	c.credits()
	c.turns()
	c.timers()
	c.paces()
	c.queues()
	c.sessions()
	c.gates()
	c.pressure()
	c.values()
	c.retention()
	return errors.Join(c.errs...)
}

type check struct {
	view       kv.View
	partition  partition
	sockets    []*socket.Socket
	processors []*processor.Processor
	slots      []*slot.Slot
	list       []*call.Record // in the order of arrival
	calls      map[uint64]*call.Record
	virtual    map[uint64]bool // calls that are still in their block
	errs       []error
}

func (c *check) wrong(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *check) that(ok bool, format string, args ...any) {
	if !ok {
		c.wrong(format, args...)
	}
}

// readCalls: each call is at a place of its own; its id leads to it.
func (c *check) readCalls() {
	var last uint64
	for s := range call.Ascend(c.view, 0) {
		c.that(s.First > last, "calls up to %d are followed by %d", last, s.First)
		for seq := s.First; seq <= s.Last; seq++ {
			rec := call.At(c.view, call.Place{Seq: seq, Block: s.Block})
			c.list = append(c.list, rec)
			c.calls[seq], c.virtual[seq] = rec, s.Block != 0
			place, ok := call.Find(c.view, rec.ID())
			c.that(ok && place.Seq == seq && place.Block == rec.Block, "call %s is at %d, its id leads to %v", rec.ID(), seq, place)
			c.record(rec)
		}
		last = s.Last
	}
	c.that(last <= c.partition.seq, "the last call is %d, %d places were given out", last, c.partition.seq)
}

// record: what a state says of the rest of a record.
func (c *check) record(rec *call.Record) {
	id, over := rec.ID(), roll.Of(rec.State) != roll.Open
	c.that(over == (rec.Finished != 0), "call %s is %s, finished at %d", id, rec.State, rec.Finished)
	c.that((rec.Session != "") == (rec.State == messages.CallState_RUNNING), "call %s is %s at session %q", id, rec.State, rec.Session)
	c.that(rec.RetryAt == 0 || rec.State == messages.CallState_QUEUED, "call %s is %s and has a retry", id, rec.State)
	c.that(rec.HasResult == (rec.State == messages.CallState_FINISHED), "call %s is %s, has a result: %v", id, rec.State, rec.HasResult)
	c.that(rec.HasResult == (call.Result(c.view, rec) != nil), "call %s: its result is not where its record says", id)
	c.that((rec.Error != nil) == (rec.State == messages.CallState_FAILED || rec.State == messages.CallState_EXPIRED), "call %s is %s with error %v", id, rec.State, rec.Error)
	c.that(rec.Size == call.Size(call.Arguments(c.view, rec)), "call %s has %d bytes of arguments, its record says %d", id, call.Size(call.Arguments(c.view, rec)), rec.Size)
	c.that(len(rec.Events) <= messages.MaxEvents, "call %s has %d events", id, len(rec.Events))
	c.that(rec.Crashes <= messages.MaxCrashes && rec.Lost <= messages.MaxLost, "call %s is over its limits", id)
	c.that((rec.Started != 0) == (rec.Attempt > 0), "call %s: attempt %d, started at %d", id, rec.Attempt, rec.Started)
}

// counters: those of each socket, and of the partition, are what a recount gives.
func (c *check) counters() {
	bySocket, all := map[string]*tally.Counts{}, tally.Counts{}
	for _, k := range c.sockets {
		bySocket[k.ID] = &tally.Counts{}
	}
	for _, rec := range c.list {
		counts, ok := bySocket[rec.Socket]
		if !ok {
			c.wrong("call %s is of socket %s, which is not known", rec.ID(), rec.Socket)
			continue
		}
		counts.Enter(rec.State, 1, rec.Size)
		all.Enter(rec.State, 1, rec.Size)
	}
	for _, k := range c.sockets {
		c.that(k.Counts == *bySocket[k.ID], "socket %s counts %+v, a recount gives %+v", k.ID, k.Counts, *bySocket[k.ID])
		c.that(k.Stage != socket.Removed || k.Empty(), "socket %s is removed and holds calls", k.ID)
	}
	c.that(c.partition.counts == all, "the partition counts %+v, a recount gives %+v", c.partition.counts, all)
}

// mailboxes: a call is in its mailbox exactly while it is queued and does not
// wait for a retry.
func (c *check) mailboxes() {
	found := 0
	for _, k := range c.sockets {
		var n uint64
		first, ok := k.Box.First(c.view)
		for i, e := range k.Box.Entries(c.view) {
			c.that(i > 0 || ok && e == first, "socket %s: %v is first in the mailbox, taken would be %v", k.ID, e, first)
			n += e.Len()
			for seq := e.First; seq <= e.Last; seq++ {
				found++
				rec := c.calls[seq]
				c.that(rec != nil && rec.Socket == k.ID && rec.State == messages.CallState_QUEUED && rec.RetryAt == 0 && rec.Priority == e.Priority && c.virtual[seq] == (e.Block != 0),
					"the mailbox of socket %s holds %d as %v", k.ID, seq, e)
			}
		}
		c.that(n == k.Box.Calls, "the mailbox of socket %s counts %d calls and holds %d", k.ID, k.Box.Calls, n)
	}
	want := 0
	for _, rec := range c.list {
		if rec.State == messages.CallState_QUEUED && rec.RetryAt == 0 {
			want++
		}
	}
	c.that(found == want, "%d calls are queued, mailboxes hold %d", want, found)
}

// rolls: each call is in the roll of its class, once; those that run in none.
func (c *check) rolls() {
	seen := map[uint64]bool{}
	for _, k := range c.sockets {
		for _, class := range roll.Classes() {
			listed := roll.Ascend(c.view, k.Number, class, 0)
			if class == roll.Open {
				listed = span.Ascend(c.view, roll.Socket(k.Number, class), 0)
			}
			for s := range listed {
				for seq := s.First; seq <= s.Last; seq++ {
					rec := c.calls[seq]
					c.that(rec != nil && !seen[seq] && rec.Socket == k.ID && roll.Of(rec.State) == class && rec.State != messages.CallState_RUNNING && c.virtual[seq] == (s.Block != 0),
						"the roll of socket %s holds %d as %v of class %d", k.ID, seq, s, class)
					seen[seq] = true
				}
			}
		}
	}
	c.that(uint64(len(seen))+c.partition.counts.Running == uint64(len(c.calls)), "%d calls, of which %d run, rolls hold %d", len(c.calls), c.partition.counts.Running, len(seen))
}

// leases: each is of one running call, or of one that was cancelled while it ran.
func (c *check) leases() {
	held, out := map[uint64]bool{}, map[string]uint64{}
	for _, l := range c.slots {
		c.that(len(l.Leases) <= messages.MaxWindow, "slot %v holds %d calls", l.Name, len(l.Leases))
		for i, lease := range l.Leases {
			c.that(i == 0 || l.Leases[i-1].Order < lease.Order, "slot %v: lease %d is out of order", l.Name, lease.Order)
			rec := c.calls[lease.Seq]
			if rec == nil {
				c.wrong("slot %v holds call %s, which is not there", l.Name, lease.Call)
				continue
			}
			out[rec.Socket]++
			runs := rec.State == messages.CallState_RUNNING && rec.Session == l.Session && rec.Slot == l.Name.Slot && !held[lease.Seq]
			stops := roll.Of(rec.State) != roll.Open
			c.that(rec.ID() == lease.Call && rec.Attempt == lease.Attempt, "slot %v holds attempt %d of %s, which is at %d", l.Name, lease.Attempt, lease.Call, rec.Attempt)
			c.that(lease.Aborting && stops || !lease.Aborting && runs, "slot %v holds call %s, which is %s", l.Name, lease.Call, rec.State)
			held[lease.Seq] = true
		}
	}
	for _, rec := range c.list {
		c.that(rec.State != messages.CallState_RUNNING || held[rec.Seq], "call %s runs and no slot holds it", rec.ID())
	}
	for _, k := range c.sockets {
		c.that(k.Leased == out[k.ID], "socket %s counts %d leases and has %d", k.ID, k.Leased, out[k.ID])
		c.holder(k)
	}
}

// holder: the call that holds an ordered socket is the only one leased.
func (c *check) holder(k *socket.Socket) {
	if k.Holder.Seq == 0 {
		return
	}
	rec := c.calls[k.Holder.Seq]
	c.that(k.Config.Ordered && rec != nil && rec.Socket == k.ID && roll.Of(rec.State) == roll.Open, "socket %s is held by %d", k.ID, k.Holder.Seq)
	if rec != nil {
		ready := rec.State == messages.CallState_QUEUED && rec.RetryAt == 0
		c.that(k.Holder.Ready == ready, "socket %s is held by %d, ready %v", k.ID, k.Holder.Seq, k.Holder.Ready)
		c.that(k.Leased == 0 || k.Leased == 1 && rec.State == messages.CallState_RUNNING, "socket %s is held by %d, and %d of its calls are leased", k.ID, k.Holder.Seq, k.Leased)
	}
}

// credits: each slot has one index at its processor, which tells its load.
func (c *check) credits() {
	bound := map[string]int{}
	for _, l := range c.slots {
		bound[l.Processor]++
		p := processor.Load(c.view, l.Processor, nil)
		name, ok := slot.Named(c.view, l.Processor, l.Index)
		c.that(ok && name == l.Name, "slot %v has index %d of processor %s, which names %v", l.Name, l.Index, l.Processor, name)
		open := p.Config != nil && l.Commit == p.Config.Commit && len(l.Leases) < int(l.Window)
		load, takes := p.Credits.Load(l.Index)
		c.that(takes == open && (!takes || load == len(l.Leases)), "slot %v holds %d of %d calls; its credit says %d, open %v", l.Name, len(l.Leases), l.Window, load, takes)
	}
	for _, p := range c.processors {
		all, _ := p.Credits.Slots()
		c.that(all == bound[p.ID], "processor %s has %d credits and %d slots", p.ID, all, bound[p.ID])
	}
}

// turns: the ring holds the sockets that have calls to lease; no credit is free
// while there is one, unless a timer is set to go on.
func (c *check) turns() {
	rings, sockets := map[string][]uint32{}, map[string]uint64{}
	for _, k := range c.sockets {
		if k.Leasable() {
			rings[k.Config.Processor] = append(rings[k.Config.Processor], k.Number)
		}
		if k.Stage < socket.Removed {
			sockets[k.Config.Processor]++
		}
	}
	goesOn := map[string]bool{}
	for _, t := range timer.All(c.view) {
		goesOn[t.Target] = goesOn[t.Target] || t.Kind == timer.Dispatch
	}
	for _, p := range c.processors {
		ring := p.Turns.Sockets()
		slices.Sort(ring)
		c.that(slices.Equal(ring, rings[p.ID]), "processor %s has sockets %v in its ring, leasable are %v", p.ID, ring, rings[p.ID])
		c.that(!(p.Leases() && p.Credits.Free() && p.Turns.Any()) || goesOn[p.ID], "processor %s has a free credit and a call for it", p.ID)
		c.that(p.Sockets == sockets[p.ID], "processor %s counts %d sockets and has %d", p.ID, p.Sockets, sockets[p.ID])
		delete(rings, p.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(rings)) {
		c.wrong("sockets %v have calls to lease, and their processor %s has no ring", rings[id], id)
	}
}

// timers: each is of a call that waits for it, and none is set for earlier than
// the partition knows.
func (c *check) timers() {
	waits := map[uint64]bool{}
	for _, t := range timer.All(c.view) {
		c.that(t.At >= c.partition.wake, "a timer is set for %d, the next is said to be at %d", t.At, c.partition.wake)
		if t.Kind == timer.Leave {
			a := gate.Get(c.view, t.Number())
			c.that(a.State == messages.ArrivalState_ARRIVAL_WAITING && a.Expires == t.At, "arrival %d is %s and has a timer at %d", a.Seq, a.State, t.At)
		}
		if t.Kind != timer.Retry && t.Kind != timer.Expire {
			continue
		}
		rec := c.calls[t.Number()]
		c.that(rec != nil && rec.State == messages.CallState_QUEUED, "a timer is set for call %d, which does not wait", t.Number())
		if rec == nil {
			continue
		}
		retry := t.Kind == timer.Retry && rec.RetryAt == t.At
		expire := t.Kind == timer.Expire && rec.Expires == t.At && rec.Started == 0 && rec.Block == 0
		c.that(retry || expire, "call %s has a timer of kind %d at %d", rec.ID(), t.Kind, t.At)
		waits[t.Number()] = true
	}
	for _, rec := range c.list {
		mortal := rec.Expires != 0 && rec.Block == 0 && rec.Started == 0 && rec.State == messages.CallState_QUEUED
		c.that(!(mortal || rec.RetryAt != 0) || waits[rec.Seq], "call %s waits for a time, and no timer is set", rec.ID())
	}
}

// sessions: only open ones have slots.
func (c *check) sessions() {
	open := Sessions(c.view)
	for _, l := range c.slots {
		c.that(slices.Contains(open, l.Session), "slot %v is of a session that is not open", l.Name)
	}
}
