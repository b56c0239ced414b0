package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/buggify"
	"github.com/elasticcode/flow/messages"
)

// tickPause is between two ticks when the first was not taken.
const tickPause = 100 * time.Millisecond

// alarmClock is one alarm that can be set anew.
type alarmClock struct {
	at     time.Time
	cancel func()
}

// arm sets the alarm, unless it goes off earlier or at the time already: then
// whoever it wakes sets it again.
func (a *alarmClock) arm(s *System, who *actor.PID, at time.Time, m any) {
	if a.cancel != nil && !at.Before(a.at) {
		return
	}
	a.disarm()
	a.at, a.cancel = at, s.tellAfter(time.Until(at), who, m)
}

func (a *alarmClock) fired() { a.cancel = nil }

func (a *alarmClock) disarm() {
	if a.cancel != nil {
		a.cancel()
		a.cancel = nil
	}
}

// lookForTimer looks for the partition's next timer soon.
func (l *leader) lookForTimer(c actor.Context) {
	if !l.looking && !l.ticking {
		l.looking = true
		l.system.tellAfter(timerSlack, c.Self(), &lookForTimer{})
	}
}

func (l *leader) armTimer(c actor.Context) {
	l.looking = false
	if at, ok := l.config.State.NextTimer(); ok {
		due := time.UnixMicro(at)
		if buggify.On(buggify.LateTimer) {
			due = due.Add(time.Second)
		}
		if buggify.On(buggify.EarlyTimer) {
			due = time.Now()
		}
		l.timer.arm(l.system, c.Self(), due, &timerDue{})
	}
}

// tick lets the timers that are due fire, through the log.
func (l *leader) tick(c actor.Context) {
	l.timer.fired()
	if l.ticking {
		return
	}
	at, ok := l.config.State.NextTimer()
	if !ok {
		return
	}
	if due := time.UnixMicro(at); due.After(time.Now()) {
		l.timer.arm(l.system, c.Self(), due, &timerDue{})
		return
	}
	l.ticking = true
	self := c.Self()
	l.system.run(func() {
		if _, _, err := l.propose(l.ctx, &messages.Tick{}); err != nil {
			l.system.log.Debug("tick is not proposed", "partition", l.config.ID, "error", err)
			sleep(l.ctx, tickPause)
		}
		l.system.tell(self, &ticked{})
	})
}
