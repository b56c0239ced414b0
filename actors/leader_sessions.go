package actors

import (
	"context"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/messages"
)

// verifyLimit is how long it may take to make sure of the lead.
const verifyLimit = time.Second

// keepAlive prolongs a session, and looks whether its slots have got what they
// were sent.
func (l *leader) keepAlive(c actor.Context, m *messages.KeepAlive) {
	now := time.Now()
	if l.ending[m.Session] {
		return // it is too late; the next one is answered
	}
	if !l.sessions.alive(m.Session, now) {
		if !slices.Contains(l.config.State.Sessions(), m.Session) {
			l.verifyUnknown(c, m)
			return
		}
		l.sessions.watch(m.Session, now)
		l.armSessions(c)
	}
	l.compare(c, m)
	l.checkAborts(c, m.Session, now)
}

// compare shows the cursors what a session's slots hold.
func (l *leader) compare(c actor.Context, m *messages.KeepAlive) {
	if len(l.cursors) == 0 {
		return
	}
	held := make(map[attempt]struct{}, len(m.Held))
	for _, h := range m.Held {
		held[attempt{messages.CallIDFrom(h.Call), h.Attempt}] = struct{}{}
	}
	l.tellCursors(c, &listed{m.Session, held})
}

// verifyUnknown makes sure that this node leads and has applied everything
// before it says that a session is unknown: that costs a node all its workers.
// Agents are silent until the first grant of a session is answered, so it is
// not one to come.
func (l *leader) verifyUnknown(c actor.Context, m *messages.KeepAlive) {
	if l.verifying {
		return // the next keep-alive comes soon
	}
	l.verifying = true
	self := c.Self()
	l.system.run(func() {
		ctx, cancel := context.WithTimeout(l.ctx, verifyLimit)
		defer cancel()
		err := l.verify(ctx)
		l.system.tell(self, &verified{m, err})
	})
}

// verified tells an agent that its session has ended.
func (l *leader) verified(c actor.Context, m *verified) {
	l.verifying = false
	if m.err != nil || slices.Contains(l.config.State.Sessions(), m.keepAlive.Session) {
		return
	}
	c.Send(actor.NewPID(m.keepAlive.Agent, AgentName), &messages.SessionUnknown{Session: m.keepAlive.Session, Group: m.keepAlive.Group})
}

// checkAborts sends those again that a slot has not confirmed for a while.
func (l *leader) checkAborts(c actor.Context, session string, now time.Time) {
	var pending map[attempt]bool
	for a, p := range l.aborts {
		if p.abort.Session != session || now.Sub(p.sent) < resendAfter {
			continue
		}
		if pending == nil {
			pending = map[attempt]bool{}
			for _, abort := range l.config.State.Aborts(session) {
				pending[attempt{messages.CallIDFrom(abort.Call), abort.Attempt}] = true
			}
		}
		if !pending[a] {
			delete(l.aborts, a)
			continue
		}
		p.sent = now
		c.Send(l.slots.of(session, p.abort.Slot), p.abort)
	}
}

// armSessions sets the alarm for the session that ends first.
func (l *leader) armSessions(c actor.Context) {
	if at, ok := l.sessions.next(); ok {
		l.session.arm(l.system, c.Self(), at, &sessionsDue{})
	}
}

// endSessions proposes the end of those that have been silent for too long.
func (l *leader) endSessions(c actor.Context) {
	l.session.fired()
	for _, session := range l.sessions.due(time.Now()) {
		if l.ending[session] {
			continue
		}
		l.ending[session] = true
		l.system.log.Warn("session is silent, its calls are queued again", "partition", l.config.ID, "session", session)
		self, m := c.Self(), &messages.EndSession{Session: session, Reason: "no keep-alive"}
		l.system.run(func() {
			reply, _, err := l.propose(l.ctx, m)
			if err == nil {
				err = reply.GetError().Err()
			}
			l.system.tell(self, &sessionEnded{session, err})
		})
	}
	l.armSessions(c)
}

// sessionEnded forgets the session, or lets it be tried again.
func (l *leader) sessionEnded(c actor.Context, m *sessionEnded) {
	delete(l.ending, m.session)
	if m.err != nil {
		l.system.log.Debug("end of session is not proposed", "partition", l.config.ID, "session", m.session, "error", m.err)
		if passing(m.err) {
			return
		}
	}
	l.sessions.forget(m.session)
	l.tellCursors(c, m)
	for a, p := range l.aborts {
		if p.abort.Session == m.session {
			delete(l.aborts, a)
		}
	}
}

func (l *leader) nodeGone(c actor.Context, m *nodeGone) {
	now := time.Now()
	for _, session := range l.config.State.Sessions() {
		l.sessions.watch(session, now)
	}
	l.sessions.gone(m.node, m.boot, now)
	l.armSessions(c)
}
