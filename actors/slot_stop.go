package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/messages"
)

// How long a slot that stops waits for a partition that does not answer: for
// each step when it has nothing to do, and beyond the grace of a running call in
// all. Its session will end without it then.
const (
	stepPatience = time.Second
	stopPatience = 5 * time.Second
)

// stop takes the slot out of service: no new leases, unstarted ones go back,
// the running call gets its grace; then the worker ends and the slot is revoked.
func (s *slot) stop(c actor.Context, grace time.Duration, why string) {
	if s.stopping {
		return
	}
	s.stopping, s.why, s.next = true, why, nil
	now := time.Now()
	s.patience.arm(s.system, c.Self(), now.Add(grace), &graceOver{})
	s.limit.arm(s.system, c.Self(), now.Add(grace+stopPatience), &giveUp{})
	if s.job == nil {
		c.Stop(c.Self())
		return
	}
	if s.asking && !s.announced {
		// The partition may not know the processor yet, and never will.
		s.unask()
		s.asking = false
	}
	s.grant(c)
	s.proceed(c)
}

// abandon gives up on the running call: the revocation queues it again.
func (s *slot) abandon(c actor.Context) {
	s.queue, s.fed, s.overrun = nil, 0, nil
	s.ledger.forget()
	s.asking, s.dirty, s.granted, s.fenced = false, false, 0, false
	s.proceed(c)
}

// proceed takes the next step of a stop, when nothing is held any more.
func (s *slot) proceed(c actor.Context) {
	if !s.stopping || len(s.queue) > 0 || s.ledger.size() > 0 {
		return
	}
	if s.asking {
		s.patience.arm(s.system, c.Self(), time.Now().Add(stepPatience), &graceOver{})
		return
	}
	if s.owner != nil {
		s.dismiss(c)
		return
	}
	s.leave(c)
}

// leave revokes the slot, and ends its actor.
func (s *slot) leave(c actor.Context) {
	if s.job == nil || !s.exposed {
		c.Stop(c.Self())
		return
	}
	s.exposed = false
	s.limit.arm(s.system, c.Self(), time.Now().Add(stepPatience), &giveUp{})
	m := &messages.Revoke{Session: s.session, Slot: c.Self().Id, Reason: s.why}
	ctx, group, self := s.ctx, s.job.group, c.Self()
	s.pool.do(func() {
		if _, err := settle(ctx, s.proposer, group, m); err == nil {
			s.system.tell(self, &revoked{})
		}
	})
}
