package flow

import (
	"testing"

	"github.com/elasticcode/flow/messages"
)

// scheduled is a world whose socket S has a schedule.
func scheduled(t *testing.T, change ...func(*messages.ConfigureSocket)) *world {
	w := newWorld(t)
	w.socket("S", append([]func(*messages.ConfigureSocket){everySecond}, change...)...)
	return w
}

func everySecond(c *messages.ConfigureSocket) {
	c.Schedule = &messages.Schedule{Interval: second, On: true, Owner: "ada"}
}

func (w *world) schedule() *messages.ScheduleState {
	w.t.Helper()
	all := Schedules(w.state)
	if len(all) != 1 {
		w.t.Fatalf("schedules are %v, want one", all)
	}
	return all[0]
}

func (w *world) tickAt(nominal int64) *messages.FireSchedule {
	return &messages.FireSchedule{Socket: "S", Since: w.schedule().Since, Nominal: nominal, Arguments: jsonArgs(`"tick"`)}
}

func TestTickMakesOneCallWithItsNominalTime(t *testing.T) {
	w := scheduled(t)
	w.later(second + 300_000)
	fire := w.tickAt(aMomentAgo + second)
	r := w.do(fire)
	c := w.getID(messages.CallIDFrom(r.Reply.GetEnqueued().GetId()))
	if c.Tick != aMomentAgo+second || c.Owner != "ada" || string(c.Tracking) != string(c.Id) || c.Events[0].Note == "" {
		t.Errorf("the tick made %v", c)
	}
	w.refuse(messages.Conflict, "has ticked", fire)
	w.refuse(messages.Conflict, "has ticked", w.tickAt(aMomentAgo+1))
	w.refuse(messages.Invalid, "not yet", w.tickAt(aMomentAgo+2*second))
	if s := w.schedule(); s.Calls != 1 || s.Last != aMomentAgo+second {
		t.Errorf("the schedule stands at %v", s)
	}
}

func TestChangedScheduleRefusesTicksOfTheOldOne(t *testing.T) {
	w := scheduled(t)
	w.later(3 * second)
	old := w.tickAt(aMomentAgo + second)
	w.socket("S", everySecond, func(c *messages.ConfigureSocket) { c.Schedule.Interval = 2 * second })
	w.refuse(messages.Conflict, "it was changed", old)
	w.refuse(messages.Conflict, "has ticked", w.tickAt(aMomentAgo+3*second)) // what lies before it is not missed
	w.later(2 * second)
	w.do(w.tickAt(aMomentAgo + 5*second))
	w.socket("S", everySecond, func(c *messages.ConfigureSocket) { c.Schedule.Interval = 2 * second; c.Wait = true })
	if s := w.schedule(); s.Since != aMomentAgo+3*second {
		t.Errorf("a change of something else began the schedule anew: %v", s)
	}
}

func TestPausedScheduleMakesNoTicks(t *testing.T) {
	w := scheduled(t)
	w.socket("S", everySecond, func(c *messages.ConfigureSocket) { c.Schedule.On = false })
	w.later(5 * second)
	w.refuse(messages.Conflict, "does not run", w.tickAt(aMomentAgo+second))
	w.socket("S", everySecond)
	w.refuse(messages.Conflict, "has ticked", w.tickAt(aMomentAgo+4*second))
	w.later(second)
	w.do(w.tickAt(aMomentAgo + 6*second))
}

func TestTickIsSkippedWhileTheCallBeforeRuns(t *testing.T) {
	w := scheduled(t, func(c *messages.ConfigureSocket) { c.Schedule.Overlap = "skip" })
	w.later(3 * second)
	w.do(w.tickAt(aMomentAgo + second))
	if r := w.do(w.tickAt(aMomentAgo + 2*second)); r.Reply.GetEnqueued() != nil {
		t.Fatalf("the call before has not ended, and the tick made %v", r.Reply)
	}
	if s := w.schedule(); s.Skipped != 1 || s.Reason == "" || s.Last != aMomentAgo+2*second {
		t.Errorf("the schedule stands at %v", s)
	}
	w.ok(w.grant("n/1", "0", 1)[0])
	w.do(w.tickAt(aMomentAgo + 3*second))
	if s := w.schedule(); s.Calls != 2 || s.Reason != "" {
		t.Errorf("the schedule stands at %v", s)
	}
}

func TestTicksDoNotPileUpWithoutBound(t *testing.T) {
	w := scheduled(t, func(c *messages.ConfigureSocket) { c.MaxLength = 2 })
	w.later(9 * second)
	for i := range int64(5) {
		w.do(w.tickAt(aMomentAgo + (i+1)*second))
	}
	if s := w.schedule(); s.Calls != 2 || s.Skipped != 3 {
		t.Errorf("the schedule stands at %v", s)
	}
}

func TestTickIsOlderThanNoChangeOfItsSocket(t *testing.T) {
	w := scheduled(t)
	w.later(2 * second)
	w.do(w.tickAt(aMomentAgo + second))
	tick := w.tickAt(aMomentAgo + 2*second)
	w.do(&messages.RemoveSocket{Socket: "S", Force: true})
	w.refuse(messages.NotFound, "not there", tick)
	if all := Schedules(w.state); len(all) != 0 {
		t.Errorf("the socket is gone, and has the schedule %v", all)
	}
	w.socket("S", everySecond)
	w.refuse(messages.Conflict, "changed", tick)
	if s := w.schedule(); s.Last != aMomentAgo+second || s.Since != aMomentAgo+2*second {
		t.Errorf("the schedule stands at %v", s)
	}
}

// A tick whose arguments the function does not take makes no call, and so no dead
// letter; when the function takes them again, it goes on.
func TestTickThatDoesNotFitIsLeftOut(t *testing.T) {
	w := scheduled(t)
	w.later(3 * second)
	wrong := w.tickAt(aMomentAgo + second)
	wrong.Misfit = "wrong arguments for f(a, b): b is missing"
	w.do(wrong)
	if s := w.schedule(); s.Calls != 0 || s.Skipped != 1 || s.Last != aMomentAgo+second || s.Reason != wrong.Misfit {
		t.Errorf("the schedule stands at %v", s)
	}
	w.refuse(messages.Conflict, "has ticked", wrong)
	w.do(w.tickAt(aMomentAgo + 2*second))
	if s := w.schedule(); s.Calls != 1 || s.Skipped != 1 || s.Reason != "" {
		t.Errorf("the schedule stands at %v", s)
	}
}
