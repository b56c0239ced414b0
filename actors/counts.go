package actors

import (
	"sync/atomic"

	"github.com/elasticcode/flow/messages"
)

// Counts is what a partition has done while this node led it, since the node
// started.
type Counts struct {
	Finished, Failed, Cancelled, Expired uint64 // calls, by the state in which they ended
	Started                              uint64 // attempts
	Repeated                             uint64 // of those, the ones that were not their call's first
}

// Counts gives the partition's counts.
func (p *Partition) Counts() Counts {
	c := &p.counts
	return Counts{Finished: c.finished.Load(), Failed: c.failed.Load(), Cancelled: c.cancelled.Load(), Expired: c.expired.Load(),
		Started: c.started.Load(), Repeated: c.repeated.Load()}
}

// ended counts a call. What waited at a gate has ends of its own, but is no call:
// it has no place among them, or the end is that of the call that it is part of.
func (c *Counts) ended(end *messages.Call) {
	if end.Seq == 0 || len(end.Joined) > 0 {
		return
	}
	switch end.State {
	case messages.CallState_FINISHED:
		c.Finished++
	case messages.CallState_FAILED:
		c.Failed++
	case messages.CallState_CANCELLED:
		c.Cancelled++
	case messages.CallState_EXPIRED:
		c.Expired++
	}
}

func (c *Counts) started(s *messages.Start) {
	c.Started++
	if s.Attempt > 1 {
		c.Repeated++
	}
}

// counts are Counts that others may read: the log adds to them once an entry.
type counts struct{ finished, failed, cancelled, expired, started, repeated atomic.Uint64 }

func (c *counts) add(more *Counts) {
	for _, n := range [...]struct {
		to   *atomic.Uint64
		more uint64
	}{{&c.finished, more.Finished}, {&c.failed, more.Failed}, {&c.cancelled, more.Cancelled}, {&c.expired, more.Expired},
		{&c.started, more.Started}, {&c.repeated, more.Repeated}} {
		if n.more > 0 {
			n.to.Add(n.more)
		}
	}
}
