package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/messages"
)

// renew begins a new session. Its first grant at a partition ends the older
// ones there; every slot kills its worker and forgets what it held.
func (a *agent) renew(c actor.Context) {
	if a.stopping {
		return
	}
	boot := a.config.Boot*sessionsPerBoot + a.sessions.Add(1)
	a.session = messages.SessionID{Node: a.system.node, Boot: boot}.String()
	a.renewed = time.Now()
	a.groups = map[messages.GroupID]bool{}
	for _, p := range a.slots {
		if p.job != nil && !p.stopping {
			c.Send(p.pid, &assign{a.session, p.job})
		}
	}
}

// sessionUnknown begins a new session after a partition has ended this one,
// but not again and again.
func (a *agent) sessionUnknown(c actor.Context, m *messages.SessionUnknown) {
	if m.Session != a.session || a.renewing {
		return
	}
	a.system.log.Warn("a partition has ended this node's session", "partition", m.Group, "session", m.Session)
	if left := renewPause - time.Since(a.renewed); left > 0 {
		a.renewing = true
		a.system.tellAfter(left, c.Self(), &renew{})
		return
	}
	a.renew(c)
}

// beat comes back as long as the agent lives.
func (a *agent) beat(c actor.Context) {
	a.nextBeat = a.system.tellAfter(keepAliveEvery, c.Self(), &beat{})
}

// keepAlive tells the leader of each partition that has credits of this node
// that the session lives, and what it holds. A partition stays told after its
// last credit is gone: it may not know that yet.
func (a *agent) keepAlive(c actor.Context) {
	a.beat(c)
	a.retire()
	for group := range a.groups {
		leader, ok := a.config.Leader(group)
		if !ok {
			continue
		}
		m := &messages.KeepAlive{Session: a.session, Group: uint32(group), Agent: string(a.system.node)}
		for _, p := range a.slots {
			if p.job != nil && p.job.group == group {
				m.Held = p.ledger.list(m.Held)
			}
		}
		c.Send(actor.NewPID(string(leader), PartitionName(group)), m)
	}
}
