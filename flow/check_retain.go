package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/memory"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/timer"
)

// retention: what is counted of what was dropped is what a recount gives, and
// whatever is to be dropped has a timer.
func (c *check) retention() {
	byID, byTime := memory.Count(c.view)
	c.that(byID == byTime && byID == c.partition.remembered, "%d dropped ids are remembered, %d have a time, counted are %d", byID, byTime, c.partition.remembered)
	recounted, counted := call.Gone(c.view)
	c.that(recounted == counted, "%d calls are gone out of their blocks, counted are %d", recounted, counted)
	c.that(call.Strays(c.view) == 0, "%d rows are listed by when their ids were made, and are gone", call.Strays(c.view))
	for _, t := range []timer.Timer{{At: c.partition.forget, Kind: timer.Forget}, {At: c.partition.clear, Kind: timer.Clear}} {
		c.that(t.At == 0 || timer.IsSet(c.view, t), "a timer of kind %d should be set for %d", t.Kind, t.At)
	}
	c.that((c.partition.forget != 0) == (byID > 0), "%d dropped ids are remembered, and will be forgotten at %d", byID, c.partition.forget)
	c.that((c.partition.clear != 0) == (c.partition.ended > 0), "%d arrivals have ended, and will be dropped at %d", c.partition.ended, c.partition.clear)
	held := map[uint64]bool{}
	for _, l := range c.slots {
		for _, lease := range l.Leases {
			held[lease.Seq] = held[lease.Seq] || lease.Aborting
		}
	}
	for _, k := range c.sockets {
		c.that(k.Sweep == 0 || timer.IsSet(c.view, sweepTimer(k)), "socket %s is to drop calls at %d, and no timer is set", k.ID, k.Sweep)
		for _, bound := range keeps(k) {
			c.bound(k.ID, k.Sweep, bound, held)
		}
		for _, rec := range c.list {
			ended := rec.Socket == k.ID && roll.Of(rec.State) != roll.Open
			c.that(!ended || *k.Front(rec.State) <= rec.Seq, "call %s stands before the front of its roll", rec.ID())
		}
	}
}

// bound: the first of the calls that ended in one way will be looked at.
func (c *check) bound(socket string, sweep int64, b kept, held map[uint64]bool) {
	for _, rec := range c.list {
		if rec.Socket == socket && rec.State == b.state {
			c.that(held[rec.Seq] || sweep != 0, "call %s is to be dropped at %d, and its socket never looks", rec.ID(), rec.Finished+b.age)
			return
		}
	}
}
