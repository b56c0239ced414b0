package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/messages"
)

const (
	// resendAfter is how old a lease must be that a keep-alive does not list to
	// be sent again. A Start is on its way for less.
	resendAfter = time.Second
	// cursorIdle is after how long a cursor with nothing to do ends.
	cursorIdle = 30 * time.Second
	// maxQuiet is how many cursors a partition keeps that have nothing to do just
	// now: of more, each ends as soon as it has nothing to do.
	maxQuiet = 1024
	// maxAddresses bounds the slots whose addresses an actor remembers.
	maxAddresses = 1024
)

// cursor is the actor of one socket on its partition's leader: it remembers
// each lease that was sent to a slot, and sends it again until the slot lists it.
type cursor struct {
	*Partition
	*cursorMemory
	socket      string
	outstanding map[messages.CallID]*sentStart
	slots       addresses
	active      bool // since it last looked whether it is idle
	disarm      func()
}

// cursorMemory is what of a cursor outlives its panics.
type cursorMemory struct {
	got  uint64 // messages, as its parent counts them
	born bool
}

type sentStart struct {
	start *messages.Start
	at    time.Time
}

// listed is what a session's agent says that it holds.
type listed struct {
	session string
	held    map[attempt]struct{}
}

type lookIdle struct{}

func (k *cursor) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *news:
		k.got++
		k.active = true
		k.news(m)
	case *listed:
		k.got++
		k.listed(c, m)
	case *sessionEnded:
		k.got++
		k.sessionEnded(m.session)
	case *reconnected:
		k.got++
		k.reconnected(c, m.node)
	case *lookIdle:
		k.lookIdle(c)
	case *messages.Panic:
		panic(m.Reason)
	case *actor.Started:
		k.begin(c)
	case *actor.Restarting, *actor.Stopping:
		k.disarm()
	}
}

// begin derives what is outstanding after a panic: nothing else knows it. The
// next keep-alive shows what has to be sent again.
func (k *cursor) begin(c actor.Context) {
	k.outstanding, k.slots = map[messages.CallID]*sentStart{}, addresses{}
	k.disarm = k.system.tellAfter(cursorIdle, c.Self(), &lookIdle{})
	if !k.born {
		k.born = true
		return
	}
	for _, session := range k.config.State.Sessions() {
		for _, start := range k.config.State.Leases(session) {
			if start.Socket == k.socket {
				k.outstanding[messages.CallIDFrom(start.Call)] = &sentStart{start: start}
			}
		}
	}
}

func (k *cursor) news(m *news) {
	for _, e := range m.some {
		switch e := e.(type) {
		case *messages.Start:
			k.start(e)
		case *messages.Ended:
			delete(k.outstanding, messages.CallIDFrom(e.Call.Id))
		}
	}
}

// start remembers a lease. It comes again when this node begins to lead anew.
func (k *cursor) start(m *messages.Start) {
	id := messages.CallIDFrom(m.Call)
	if known := k.outstanding[id]; known == nil || known.start.Attempt < m.Attempt {
		k.outstanding[id] = &sentStart{m, time.Now()}
	}
}

func (k *cursor) resend(c actor.Context, s *sentStart, now time.Time) {
	s.at = now
	c.Send(k.slots.of(s.start.Session, s.start.Slot), &messages.Starts{Starts: []*messages.Start{s.start}})
}

// listed sends again what a session should hold and does not. The state knows
// best: an attempt may be over without a word to the cursor.
func (k *cursor) listed(c actor.Context, m *listed) {
	var leases map[attempt]bool
	now := time.Now()
	for id, s := range k.outstanding {
		a := attempt{id, s.start.Attempt}
		if _, held := m.held[a]; held || s.start.Session != m.session || now.Sub(s.at) < resendAfter {
			continue
		}
		if leases == nil {
			leases = map[attempt]bool{}
			for _, start := range k.config.State.Leases(m.session) {
				leases[attempt{messages.CallIDFrom(start.Call), start.Attempt}] = true
			}
		}
		if !leases[a] {
			delete(k.outstanding, id)
			continue
		}
		k.system.log.Info("slot does not hold its lease, it is sent again", "partition", k.config.ID, "socket", k.socket, "call", id, "attempt", a.number)
		k.resend(c, s, now)
	}
	if len(k.outstanding) == 0 {
		c.Send(c.Parent(), &quiet{k.socket, k.got})
	}
}

func (k *cursor) sessionEnded(session string) {
	for id, s := range k.outstanding {
		if s.start.Session == session {
			delete(k.outstanding, id)
		}
	}
}

func (k *cursor) reconnected(c actor.Context, node messages.NodeID) {
	now := time.Now()
	for _, s := range k.outstanding {
		if nodeOf(s.start.Session) == node {
			k.resend(c, s, now)
		}
	}
}

// lookIdle offers to end when nothing has come for a while.
func (k *cursor) lookIdle(c actor.Context) {
	if len(k.outstanding) == 0 && !k.active {
		c.Send(c.Parent(), &idle{k.socket, k.got})
	}
	k.active = false
	k.disarm = k.system.tellAfter(cursorIdle, c.Self(), &lookIdle{})
}

// addresses finds the actors of slots: on the session's node, under the slot's name.
type addresses map[[2]string]*actor.PID

func (a addresses) of(session, slot string) *actor.PID {
	key := [2]string{session, slot}
	pid := a[key]
	if pid == nil {
		if len(a) >= maxAddresses {
			clear(a)
		}
		pid = actor.NewPID(string(nodeOf(session)), slot)
		a[key] = pid
	}
	return pid
}
