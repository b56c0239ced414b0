package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

const (
	// stuckAfter is how late a leader may take a tick: one that was stuck for
	// longer was as good as not there.
	stuckAfter = 10 * time.Second
	// clockLook is how long at most the leader sleeps between two looks at the
	// clock while there are schedules: the clock of the machine may be set, or
	// stand still while the machine sleeps.
	clockLook = time.Minute

	missedRunOnce = "run_once"
)

// Calendar knows the times of schedules. All are microseconds since 1970, UTC.
type Calendar interface {
	// Next gives the first nominal time of a schedule behind another time. since
	// is when the schedule began.
	Next(s *messages.Schedule, since, after int64) (int64, bool)
	// Last gives the last one behind after and before a time.
	Last(s *messages.Schedule, since, after, before int64) (int64, bool)
	// Arguments gives those of a tick's call, or says why the function behind its
	// socket does not take them.
	Arguments(socket string, s *messages.Schedule, nominal int64) (arguments *messages.Arguments, misfit string)
}

// schedules are those of a partition's sockets, at its leader: when each ticks
// next.
type schedules struct {
	began int64 // microseconds: since when this node has led
	due   map[string]*dueTick
	clock alarmClock
}

// dueTick is the next tick of a schedule.
type dueTick struct {
	state   *messages.ScheduleState
	nominal int64
	at      int64 // when it is to be taken, microseconds
	catchUp bool
	pending bool // it is proposed
}

type (
	schedulesDue struct{}
	tickTaken    struct {
		tick    *messages.FireSchedule
		refused error
		err     error
	}
)

// nextTick says which tick of a schedule is the next. A tick is missed when
// nobody led at its time, or the leader was stuck: those are skipped, or one call
// is made for all.
func nextTick(calendar Calendar, state *messages.ScheduleState, began, now int64) (dueTick, bool) {
	s, after := state.Schedule, max(state.Since, state.Last)
	there := max(began, now-stuckAfter.Microseconds()) // ticks before are missed
	if s.GetMissed() == missedRunOnce {
		if last, ok := calendar.Last(s, state.Since, after, there); ok {
			return dueTick{state: state, nominal: last, at: now, catchUp: true}, true
		}
	}
	next, ok := calendar.Next(s, state.Since, max(after, there-1))
	return dueTick{state: state, nominal: next, at: next}, ok
}

// readSchedules derives from the state which ticks are to come.
func (l *leader) readSchedules(c actor.Context) {
	fresh := map[string]*dueTick{}
	for _, state := range l.config.State.Schedules() {
		if old := l.schedules.due[state.Socket]; old != nil && old.pending {
			fresh[state.Socket] = old
		}
	}
	l.schedules.due = fresh
	for _, state := range l.config.State.Schedules() {
		l.scheduled(state)
	}
	l.armSchedules(c)
}

// scheduled takes in how a schedule stands.
func (l *leader) scheduled(state *messages.ScheduleState) {
	old := l.schedules.due[state.Socket]
	if old != nil && state.Last < old.state.Last {
		return // it is older than what is known here
	}
	pending := old != nil && old.pending
	tick, ok := dueTick{state: state}, state.Schedule.GetOn()
	if ok {
		tick, ok = nextTick(l.config.Calendar, state, l.schedules.began, time.Now().UnixMicro())
	}
	if !ok && !pending {
		delete(l.schedules.due, state.Socket)
		return
	}
	tick.pending = pending
	l.schedules.due[state.Socket] = &tick
}

// armSchedules sets the alarm for the first tick that is to come.
func (l *leader) armSchedules(c actor.Context) {
	first := time.Now().Add(clockLook)
	idle := true
	for _, tick := range l.schedules.due {
		idle = idle && tick.pending
		if at := time.UnixMicro(tick.at); !tick.pending && at.Before(first) {
			first = at
		}
	}
	if !idle {
		l.schedules.clock.arm(l.system, c.Self(), first, &schedulesDue{})
	}
}

// takeTicks proposes the ticks whose time has come, one at a time for each
// schedule.
func (l *leader) takeTicks(c actor.Context) {
	l.schedules.clock.fired()
	now := time.Now().UnixMicro()
	for socket, tick := range l.schedules.due {
		if tick.pending {
			continue
		}
		// The leader may have been stuck since this tick was chosen.
		if fresh, ok := nextTick(l.config.Calendar, tick.state, l.schedules.began, now); ok {
			*tick = fresh
		}
		if tick.at > now {
			continue
		}
		arguments, misfit := l.config.Calendar.Arguments(socket, tick.state.Schedule, tick.nominal)
		tick.pending = true
		l.proposeTick(c, &messages.FireSchedule{Socket: socket, Since: tick.state.Since, Nominal: tick.nominal, CatchUp: tick.catchUp, Arguments: arguments, Misfit: misfit})
	}
	l.armSchedules(c)
}

func (l *leader) proposeTick(c actor.Context, m *messages.FireSchedule) {
	self := c.Self()
	l.system.run(func() {
		reply, _, err := l.propose(l.ctx, m)
		if err != nil {
			l.system.log.Debug("a schedule's tick is not proposed", "partition", l.config.ID, "socket", m.Socket, "error", err)
			sleep(l.ctx, tickPause)
		}
		taken := &tickTaken{tick: m, err: err}
		if reply.GetError() != nil {
			taken.refused = reply.Error.Err()
		}
		l.system.tell(self, taken)
	})
}

// tickTaken goes on with the next tick. One that was refused was chosen from
// what does not hold any more: all is read again.
func (l *leader) tickTaken(c actor.Context, m *tickTaken) {
	tick := l.schedules.due[m.tick.Socket]
	if tick == nil {
		return
	}
	tick.pending = false
	switch {
	case m.refused != nil:
		l.system.log.Debug("a schedule's tick is refused", "partition", l.config.ID, "socket", tick.state.Name, "error", m.refused)
		delete(l.schedules.due, m.tick.Socket)
		l.readSchedules(c)
		return
	case m.err == nil && tick.state.Last < m.tick.Nominal:
		state := proto.CloneOf(tick.state)
		state.Last = m.tick.Nominal
		l.scheduled(state)
	}
	l.armSchedules(c)
}
