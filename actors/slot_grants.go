package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/messages"
)

// grantPause is between tries of a grant that a partition refused, e.g.
// because it has not heard of the processor yet.
const grantPause = 200 * time.Millisecond

// wanted is how many calls the slot should hold now.
func (s *slot) wanted() uint32 {
	switch {
	case s.stopping || s.next != nil:
		return 0
	case s.job.echo:
		return s.measured.room()
	case s.generation == 0 && s.failures > 0:
		return 0 // its worker does not start: others may take the calls
	case s.starting():
		return s.granted // its worker will be back
	case s.overrun != nil:
		return 1
	}
	return s.measured.size()
}

// starting says that a worker is on its way, as far as is known.
func (s *slot) starting() bool {
	return !s.job.echo && s.generation == 0 && s.failures == 0 && !s.stopping && s.next == nil
}

// grant tells the partition how many calls the slot takes, when that has
// changed notably. One grant is on its way at a time, so that the last one
// wins, and none while a crash is: the crash would close the window again.
func (s *slot) grant(c actor.Context) {
	if s.job == nil || s.asking || s.fenced {
		return
	}
	w := s.wanted()
	switch {
	case s.dirty && s.starting():
		return // the crash closed the window; it opens when the worker is back
	case !s.dirty && !notable(s.granted, w):
		s.settleWindow(c)
		return
	case !s.dirty && w > 0 && s.granted > 0 && s.overrun == nil && time.Since(s.asked) < regrant:
		return
	}
	s.asking, s.exposed, s.dirty, s.asked = true, true, false, time.Now()
	m := &messages.Grant{Session: s.session, Slot: c.Self().Id, Processor: s.job.processor, Commit: s.job.commit, Window: w, Node: s.node}
	ctx, cancel := context.WithCancel(s.ctx)
	s.unask = cancel
	group, self, session := s.job.group, c.Self(), s.session
	s.pool.do(func() {
		defer cancel()
		if reply, err := settle(ctx, s.proposer, group, m); err == nil {
			s.system.tell(self, &granted{session, w, reply})
		}
	})
}

// windowSet goes on when the partition has answered a grant.
func (s *slot) windowSet(c actor.Context, m *granted) {
	if m.session != s.session {
		return
	}
	s.asking = false
	if refusal := m.reply.GetError(); refusal != nil {
		s.refused(c, refusal)
		return
	}
	if s.granted = m.window; !s.announced {
		s.announced = true
		c.Send(c.Parent(), &sessionOpen{s.session, s.job.group})
	}
	s.grant(c)
	s.swap(c)
	s.proceed(c)
}

// settleWindow acts on a window that is as wanted: what was to go back goes
// only now, or the partition would lease it to this slot again.
func (s *slot) settleWindow(c actor.Context) {
	switch {
	case s.next != nil:
	case s.granted == 0, s.overrun != nil:
		s.releaseBehind(c)
	}
}

// refused tries again later; NOT_FOUND means that the partition has ended this
// session, and the agent begins another.
func (s *slot) refused(c actor.Context, refusal *messages.ErrorInfo) {
	s.granted, s.dirty = 0, true
	if messages.KindError(refusal.Kind) == messages.NotFound {
		c.Send(c.Parent(), &messages.SessionUnknown{Session: s.session, Group: uint32(s.job.group)})
		return
	}
	if s.stopping {
		s.dirty = false
		s.proceed(c)
		return
	}
	s.system.log.Warn("grant is refused", "actor", c.Self().Id, "partition", s.job.group, "error", refusal.Err())
	s.retry.arm(s.system, c.Self(), time.Now().Add(grantPause), &grantAgain{})
}

// answered goes on when all completes have been answered. When a crash was, what
// came in the meantime is void: the partition has queued it again.
func (s *slot) answered(c actor.Context, m *answered) {
	if m.session != s.session {
		return
	}
	if m.fence {
		s.fenced, s.granted, s.dirty = false, 0, true
		if !m.stale {
			s.forget(s.queue)
			s.queue, s.fed, s.overrun = nil, 0, nil
		}
		s.feed(c)
	}
	s.grant(c)
	s.swap(c)
	s.proceed(c)
}
