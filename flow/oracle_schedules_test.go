package flow

import (
	"fmt"
	"slices"

	"github.com/elasticcode/flow/messages"
)

// oSchedule is how a schedule stands.
type oSchedule struct {
	since, last    int64
	taken          []int64 // nominal times of the ticks that made calls
	calls, skipped int
}

func (o *oracle) reschedule(k *oSocket, old *messages.Schedule) {
	fresh := k.config.Schedule
	if old == nil && fresh == nil {
		return
	}
	times := func(s *messages.Schedule) string {
		return fmt.Sprint(s.GetOn(), s.GetCron(), s.GetTimezone(), s.GetInterval())
	}
	if times(old) != times(fresh) {
		k.schedule.since = o.now
	}
	o.scheduled(k)
}

func (o *oracle) scheduled(k *oSocket) {
	o.effects = append(o.effects, fmt.Sprintf("scheduled %s since %d last %d", k.id, k.schedule.since, k.schedule.last))
}

func (o *oracle) fireSchedule(m *messages.FireSchedule) string {
	k := o.socket(m.Socket)
	if k == nil || k.deleting {
		return "NOT_FOUND"
	}
	t := &k.schedule
	switch {
	case !k.config.Schedule.GetOn(), m.Since != t.since, m.Nominal <= t.since, m.Nominal <= t.last:
		return "CONFLICT"
	case m.Nominal > o.now:
		return "INVALID"
	}
	if o.absent(m.Arguments.Values()...) {
		return "CONFLICT"
	}
	t.last = m.Nominal
	waiting := 0
	for _, c := range o.calls {
		if c.socket == k && c.state == isQueued {
			waiting++
		}
	}
	overlaps := false
	if len(t.taken) > 0 && k.config.Schedule.Overlap == "skip" {
		overlaps = open(o.call(tickID(k.id, t.taken[len(t.taken)-1], o.group)))
	}
	if m.Misfit != "" || o.full(k, 1, sizeOf(m.Arguments)) || k.config.MaxLength == 0 && waiting >= 1000 || overlaps {
		t.skipped++
		o.scheduled(k)
		return ""
	}
	if slices.Contains(t.taken, m.Nominal) {
		panic("a tick was taken twice")
	}
	t.taken = append(t.taken, m.Nominal)
	t.calls++
	id := tickID(k.id, m.Nominal, o.group)
	o.newCall(k, id, &messages.Arrive{Tracking: id.Bytes(), Owner: k.config.Schedule.Owner}, m.Arguments)
	o.settle(k)
	o.scheduled(k)
	return enqueuedAnswer(isQueued, false)
}
