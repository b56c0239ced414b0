package actors

import (
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// timerSlack is how much later than due a partition's timers may fire. Their
// next one is looked for at most once in this time, however many entries are
// applied.
const timerSlack = 5 * time.Millisecond

// leader is the actor of a partition. On a follower it does nothing.
type leader struct {
	*Partition
	leads    bool
	sessions *sessions
	ending   map[string]bool // sessions whose end is proposed
	cursors  map[string]*cursorRef
	slots    addresses
	aborts   map[attempt]*pendingAbort

	session alarmClock // the next session's end
	timer   alarmClock // the next Tick
	looking bool       // the next Tick is about to be looked for
	ticking bool

	schedules schedules

	verifying bool // that this node leads, for a session that seems unknown
}

// cursorRef is a socket's cursor, and how many messages it was sent. A quiet one has
// nothing outstanding: it need hear of nothing but news, however many there are.
type cursorRef struct {
	pid   *actor.PID
	sent  uint64
	quiet bool
}

type pendingAbort struct {
	abort *messages.Abort
	sent  time.Time
}

// What a partition tells its actor.
type (
	applied  struct{ effects []proto.Message }
	lead     struct{}
	follow   struct{}
	nodeGone struct {
		node messages.NodeID
		boot uint64
	}
	reconnected struct{ node messages.NodeID }
)

// What the actor tells itself, or hears from its cursors.
type (
	sessionsDue  struct{}
	sessionEnded struct {
		session string
		err     error
	}
	verified struct {
		keepAlive *messages.KeepAlive
		err       error
	}
	lookForTimer struct{}
	timerDue     struct{}
	ticked       struct{}
	idle         struct {
		socket string
		got    uint64
	}
	quiet struct {
		socket string
		got    uint64
	}
)

func (l *leader) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		l.reset()
		if l.leading.Load() {
			l.lead(c) // after a panic
		}
	case *lead:
		l.lead(c)
	case *follow:
		l.follow(c)
	case *actor.Terminated:
		l.cursorGone(c, m.Who)
	case *actor.Restarting, *actor.Stopping:
		l.disarm()
		l.reset() // its cursors end with it: none is to be replaced
	case *actor.Stopped:
		close(l.gone)
	case *messages.Panic:
		panic(m.Reason)
	default:
		if l.leads {
			l.receive(c)
		}
	}
}

// receive handles what matters to a leader only.
func (l *leader) receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *applied:
		l.carryOut(c, m.effects...)
		l.lookForTimer(c)
	case *messages.KeepAlive:
		l.keepAlive(c, m)
	case *verified:
		l.verified(c, m)
	case *sessionsDue:
		l.endSessions(c)
	case *sessionEnded:
		l.sessionEnded(c, m)
	case *nodeGone:
		l.nodeGone(c, m)
	case *reconnected:
		l.reconnected(c, m.node)
	case *lookForTimer:
		l.armTimer(c)
	case *timerDue:
		l.tick(c)
	case *ticked:
		l.ticking = false
		l.lookForTimer(c)
	case *schedulesDue:
		l.takeTicks(c)
	case *tickTaken:
		l.tickTaken(c, m)
	case *idle:
		l.passivate(c, m)
	case *quiet:
		l.quieten(c, m)
	}
}

func (l *leader) reset() {
	l.leads, l.looking, l.ticking, l.verifying = false, false, false, false
	l.sessions, l.ending = newSessions(), map[string]bool{}
	l.cursors, l.aborts = map[string]*cursorRef{}, map[attempt]*pendingAbort{}
	l.slots = addresses{}
	l.schedules.due = map[string]*dueTick{}
}

func (l *leader) disarm() {
	l.session.disarm()
	l.timer.disarm()
	l.schedules.clock.disarm()
}

// lead derives from the state what is pending. Every session gets one full
// time-out: its node may not have heard of this leader yet.
func (l *leader) lead(c actor.Context) {
	l.follow(c)
	l.leads = true
	now := time.Now()
	for _, session := range l.config.State.Sessions() {
		l.sessions.watch(session, now)
		if plant.On(plant.StartsNotSent) {
			continue
		}
		l.carryOut(c, effectsOf(l.config.State.Leases(session))...)
		l.carryOut(c, effectsOf(l.config.State.Aborts(session))...)
	}
	l.armSessions(c)
	if !plant.On(plant.TimersNotSet) {
		l.lookForTimer(c)
	}
	l.schedules.began = now.UnixMicro()
	l.readSchedules(c)
}

// follow forgets everything.
func (l *leader) follow(c actor.Context) {
	l.disarm()
	for _, cursor := range l.cursors {
		c.Stop(cursor.pid)
	}
	l.reset()
}

// passivate ends an idle cursor, unless something is on its way to it.
func (l *leader) passivate(c actor.Context, m *idle) {
	if ref := l.cursors[m.socket]; ref != nil && ref.sent == m.got {
		delete(l.cursors, m.socket)
		c.Stop(ref.pid)
	}
}

// quieten leaves a cursor alone that has nothing outstanding, unless something is
// on its way to it.
func (l *leader) quieten(c actor.Context, m *quiet) {
	ref := l.cursors[m.socket]
	if ref == nil || ref.sent != m.got {
		return
	}
	ref.quiet = true
	if len(l.cursors) > maxQuiet {
		l.passivate(c, &idle{m.socket, m.got})
	}
}

// tellCursors sends a message to all cursors that have something outstanding.
func (l *leader) tellCursors(c actor.Context, m any) {
	for _, ref := range l.cursors {
		if !ref.quiet {
			ref.sent++
			c.Send(ref.pid, m)
		}
	}
}

// cursorGone replaces a cursor that failed too often: its leases are derived again.
func (l *leader) cursorGone(c actor.Context, who *actor.PID) {
	for socket, ref := range l.cursors {
		if ref.pid.Equal(who) {
			delete(l.cursors, socket)
			l.deriveSocket(c, socket)
			return
		}
	}
}

func (l *leader) deriveSocket(c actor.Context, socket string) {
	for _, session := range l.config.State.Sessions() {
		starts := slices.DeleteFunc(l.config.State.Leases(session), func(start *messages.Start) bool { return start.Socket != socket })
		l.carryOut(c, effectsOf(starts)...)
	}
}

// reconnected sends again what a node has not confirmed.
func (l *leader) reconnected(c actor.Context, node messages.NodeID) {
	l.tellCursors(c, &reconnected{node})
	for _, p := range l.aborts {
		if nodeOf(p.abort.Session) == node {
			p.sent = time.Now()
			c.Send(l.slots.of(p.abort.Session, p.abort.Slot), p.abort)
		}
	}
}
