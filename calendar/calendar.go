// Package calendar knows when schedules tick: cron lines, time zones, and the
// hours that a zone skips or has twice. State machines never ask it: the leader
// of a partition does, and proposes what it says.
package calendar

import (
	"strings"
	"time"
	_ "time/tzdata" // zones are the same on each node, also where none are installed

	"github.com/robfig/cron/v3"

	"github.com/elasticcode/flow/messages"
)

// MaxLine bounds a cron line, in bytes.
const MaxLine = 200

// line is a cron line in its zone.
type line struct {
	times cron.Schedule
	zone  *time.Location
}

// Check says what is wrong with a cron line or its zone: an error whose reason
// is for people. A line that never comes true is wrong too.
func Check(op, subject, text, zone string) error {
	l, err := read(op, subject, text, zone)
	if err != nil {
		return err
	}
	if l.times.Next(time.Unix(0, 0).In(l.zone)).IsZero() {
		return messages.Errorf(messages.Invalid, op, subject, "cron line %q: there is no such day", text)
	}
	return nil
}

func read(op, subject, text, zone string) (line, error) {
	place, err := time.LoadLocation(zone)
	if err != nil || strings.EqualFold(zone, "local") {
		return line{}, messages.Errorf(messages.Invalid, op, subject, "there is no time zone %.60q", zone).
			WithHint("zones are named like Europe/Berlin or UTC")
	}
	wrong := func(reason string) error {
		return messages.Errorf(messages.Invalid, op, subject, "cron line %.200q: %s", text, reason).
			WithHint("minute, hour, day of month, month, day of week: 30 6 * * 1-5; or @hourly, @daily, @weekly, @monthly, @yearly; with six fields the first is the second")
	}
	switch {
	case len(text) > MaxLine:
		return line{}, wrong("it is too long")
	case strings.Contains(text, "="):
		return line{}, wrong("the zone is set apart from it, with timezone")
	case strings.HasPrefix(text, "@every"):
		return line{}, wrong("that is an interval: set interval instead")
	}
	parser := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	times, err := parser.Parse(text)
	if err != nil {
		return line{}, wrong(err.Error())
	}
	return line{times, place}, nil
}

// Next gives the first nominal time of a schedule behind another time; false if
// there is none. since is when the schedule was turned on. All are microseconds
// since 1970, UTC.
//
// An interval counts from the full second in which it was turned on. A cron line
// is true whenever the clocks of its zone show a time that it names: a time that
// they skip in spring does not come, one that they show twice in autumn comes
// twice.
func Next(s *messages.Schedule, since, after int64) (int64, bool) {
	if s.GetCron() == "" {
		return nextInterval(s.GetInterval(), since, after)
	}
	l, err := read("", "", s.Cron, s.Timezone)
	if err != nil {
		return 0, false
	}
	next := l.times.Next(time.UnixMicro(max(after, since)).In(l.zone))
	return next.UnixMicro(), !next.IsZero()
}

const second = int64(time.Second / time.Microsecond)

func nextInterval(interval, since, after int64) (int64, bool) {
	if interval <= 0 {
		return 0, false
	}
	begin := since - since%second
	return begin + (max(after, since)-begin)/interval*interval + interval, true
}

// lookBack is how far back the last tick before a time is looked for: a little at
// first, so that few of a line's times are gone through.
var lookBack = []time.Duration{time.Minute, time.Hour, 25 * time.Hour, 32 * 24 * time.Hour, 367 * 24 * time.Hour, 8 * 367 * 24 * time.Hour}

// Last gives the last nominal time behind after and before a time; false if
// there is none.
func Last(s *messages.Schedule, since, after, before int64) (last int64, ok bool) {
	for _, back := range lookBack {
		from := max(after, before-int64(back/time.Microsecond))
		for next, there := Next(s, since, from); there && next < before; next, there = Next(s, since, next) {
			last, ok = next, true
			if s.GetCron() == "" { // reckoned at once: there may be many
				return next + (before-1-next)/s.Interval*s.Interval, true
			}
		}
		if ok || from == after {
			return last, ok
		}
	}
	return 0, false
}
