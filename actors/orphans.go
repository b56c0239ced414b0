package actors

import (
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/messages"
)

// orphan is a slot that a partition knows and this node does not: its actor
// ended before its revocation was answered, or a grant overtook that.
type orphan struct{ session, slot string }

type revokedOrphan struct{ slot string }

// deadLetter hears of what was sent to actors that are not there.
func (a *Agent) deadLetter(event any) {
	letter, ok := event.(*actor.DeadLetterEvent)
	if !ok || !strings.HasPrefix(letter.PID.GetId(), AgentName+"/slot/") {
		return
	}
	switch m := letter.Message.(type) {
	case *messages.Starts:
		if len(m.Starts) > 0 { // of one slot, all of them
			a.system.tell(a.pid, &orphan{m.Starts[0].GetSession(), m.Starts[0].GetSlot()})
		}
	case *messages.Abort:
		a.system.tell(a.pid, &orphan{m.Session, m.Slot})
	}
}

// revoke takes an orphan's credits back, or calls would wait for it as long as
// the session lives.
func (a *agent) revoke(c actor.Context, m *orphan) {
	if m.session != a.session || a.orphans[m.slot] || a.stopping {
		return
	}
	a.orphans[m.slot] = true
	ctx, self, revocation := a.ctx, c.Self(), &messages.Revoke{Session: m.session, Slot: m.slot, Reason: "its actor is gone"}
	groups := make([]messages.GroupID, 0, len(a.groups))
	for group := range a.groups {
		groups = append(groups, group)
	}
	a.pool.do(func() {
		for _, group := range groups {
			if _, err := settle(ctx, a.proposer, group, revocation); err != nil {
				return
			}
		}
		a.system.tell(self, &revokedOrphan{m.slot})
	})
}
