package model

import (
	"encoding/json"
	"slices"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// The two ways in which a socket can be scheduled.
const (
	byCron     = "CRON"
	byInterval = "INTERVAL"
)

// MaxInterval is the longest interval of a schedule, in seconds: a year.
const MaxInterval = 366 * 24 * 3600

// checkSchedule refuses a schedule that a socket cannot have. Whether a cron line
// and a zone mean something is seen before: here nothing knows of zones.
func checkSchedule(op string, o *messages.Object) *messages.Error {
	s := o.GetSocket()
	invalid := func(format string, args ...any) *messages.Error {
		return messages.Errorf(messages.Invalid, op, o.Name, format, args...)
	}
	switch {
	case s.ScheduleType != "" && s.ScheduleType != byCron && s.ScheduleType != byInterval:
		return invalid("%q is not a type of schedule", s.ScheduleType).WithHint("types are %s and %s", byCron, byInterval)
	case s.Interval < 0 || s.Interval > MaxInterval:
		return invalid("an interval of %d seconds: it must be 1 to %d", s.Interval, MaxInterval)
	case s.ScheduleType == byCron && s.Cron == "":
		return invalid("it is scheduled by cron, and has no cron line").WithHint("give one with --cron")
	case s.ScheduleType == byInterval && s.Interval == 0:
		return invalid("it is scheduled by interval, and has none").WithHint("give one with --interval")
	case s.ScheduleType == "" && s.Cron != "" && s.Interval != 0:
		return invalid("it has a cron line and an interval").WithHint("say which of them holds with --schedule-type")
	case s.Scheduled && scheduleType(s) == "":
		return invalid("it is scheduled, and has neither a cron line nor an interval").WithHint("give one with --cron or --interval")
	case s.Missed != "" && s.Missed != "skip" && s.Missed != "run_once":
		return invalid("%q is nothing that can become of missed ticks", s.Missed).WithHint("say skip or run_once")
	case s.Overlap != "" && s.Overlap != "queue" && s.Overlap != "skip":
		return invalid("%q is nothing that a tick can do while the call before runs", s.Overlap).WithHint("say queue or skip")
	case s.ScheduleData != "" && !json.Valid([]byte(s.ScheduleData)):
		return invalid("the data of its schedule is not JSON")
	case len(s.ScheduleData) > messages.MaxInline:
		return invalid("the data of its schedule has %d bytes, and %d are the most", len(s.ScheduleData), messages.MaxInline)
	}
	return nil
}

// checkPause refuses to pause, or to let go on, a schedule that is not there or
// is not switched on: nothing would come of it.
func (c *change) checkPause(op string, o *messages.Object, m *messages.Update) *messages.Error {
	if !slices.Contains(m.Fields, "socket.schedule_paused") {
		return nil
	}
	processor := load(c, messages.Kind_KIND_PROCESSOR, o.GetSocket().Processor).GetProcessor()
	switch {
	case scheduleOf(c, o) == nil:
		return messages.Errorf(messages.NotFound, op, o.Name, "it has no schedule").
			WithHint("give it one: flowcli update socket -n %s --interval 5s --scheduled", o.Name)
	case !o.GetSocket().Scheduled && !processor.GetBeat():
		return messages.Errorf(messages.Conflict, op, o.Name, "its schedule is not switched on").
			WithHint("switch it on: flowcli update socket -n %s --scheduled", o.Name)
	}
	return nil
}

// scheduleType is how a socket is scheduled; "": it has no schedule of its own.
func scheduleType(s *messages.Socket) string {
	switch {
	case s.ScheduleType != "":
		return s.ScheduleType
	case s.Cron != "":
		return byCron
	case s.Interval > 0:
		return byInterval
	}
	return ""
}

// scheduleOf is the schedule that a socket's partition is told of; nil: none. It
// runs if the socket is scheduled or its processor beats. A processor that beats
// lends its cron line to those of its sockets that have no schedule.
func scheduleOf(view kv.View, o *messages.Object) *messages.Schedule {
	s := o.GetSocket()
	p := load(view, messages.Kind_KIND_PROCESSOR, s.Processor).GetProcessor()
	m := &messages.Schedule{
		Timezone: s.Timezone, Missed: s.Missed, Overlap: s.Overlap, Data: []byte(s.ScheduleData), TellsTime: TakesPositional(fillable(view, s.Task)),
		On: (s.Scheduled || p.GetBeat()) && !s.SchedulePaused, Owner: o.Owner,
	}
	switch kind := scheduleType(s); {
	case kind == byCron:
		m.Cron = s.Cron
	case kind == byInterval:
		m.Interval = s.Interval * 1_000_000
	case p.GetBeat() && p.GetCron() != "":
		m.Cron = p.Cron
	default:
		return nil
	}
	return m
}

// TakesPositional says whether a function with some arguments takes one by
// position: then a tick without data tells it the time.
func TakesPositional(arguments []*messages.Object) bool {
	return slices.ContainsFunc(arguments, func(a *messages.Object) bool {
		kind := a.GetArgument().GetKind()
		return kind != messages.ArgumentKind_KEYWORD_ONLY && kind != messages.ArgumentKind_VAR_KEYWORD
	})
}

// beats says whether a processor's change is one of its sockets' schedules.
func beats(before, after *messages.Processor) bool {
	return before.Beat != after.Beat || after.Beat && before.Cron != after.Cron
}
