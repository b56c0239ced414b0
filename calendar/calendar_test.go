package calendar

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

func at(t *testing.T, text string) int64 {
	t.Helper()
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return when.UnixMicro()
}

func cronLine(text, zone string) *messages.Schedule {
	return &messages.Schedule{Cron: text, Timezone: zone}
}

func TestNextTick(t *testing.T) {
	for _, test := range []struct {
		name     string
		schedule *messages.Schedule
		after    string
		want     []string
	}{
		{"utc is the default", cronLine("30 6 * * *", ""), "2026-03-01T06:30:00Z", []string{"2026-03-02T06:30:00Z"}},
		{"a zone", cronLine("30 6 * * 1-5", "Europe/Berlin"), "2026-07-03T12:00:00Z", []string{"2026-07-06T04:30:00Z"}},
		{"six fields begin with the second", cronLine("*/20 * * * * *", ""), "2026-03-01T00:00:59Z", []string{"2026-03-01T00:01:00Z", "2026-03-01T00:01:20Z"}},
		{"an hour that is skipped does not come", cronLine("30 2 * * *", "Europe/Berlin"), "2026-03-28T12:00:00Z", []string{"2026-03-30T00:30:00Z"}},
		{"an hour that comes twice comes twice", cronLine("30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"}},
		{"every minute through a skipped hour", cronLine("*/30 * * * *", "Europe/Berlin"), "2026-03-29T00:45:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			after := at(t, test.after)
			for _, want := range test.want {
				next, ok := Next(test.schedule, 0, after)
				if !ok || next != at(t, want) {
					t.Fatalf("behind %s comes %s, want %s", time.UnixMicro(after).UTC(), time.UnixMicro(next).UTC(), want)
				}
				after = next
			}
		})
	}
}

func TestIntervalCountsFromTheSecondOfItsBeginning(t *testing.T) {
	s, since := &messages.Schedule{Interval: 5 * second}, at(t, "2026-03-01T00:00:01Z")+300_000
	for _, test := range []struct{ after, want string }{
		{"2026-03-01T00:00:00Z", "2026-03-01T00:00:06Z"}, {"2026-03-01T00:00:06Z", "2026-03-01T00:00:11Z"}, {"2026-03-01T00:00:12Z", "2026-03-01T00:00:16Z"},
	} {
		if next, ok := Next(s, since, at(t, test.after)); !ok || next != at(t, test.want) {
			t.Errorf("behind %s comes %s, want %s", test.after, time.UnixMicro(next).UTC(), test.want)
		}
	}
}

func TestLastTickBeforeATime(t *testing.T) {
	since := at(t, "2020-01-01T00:00:00Z")
	for _, test := range []struct {
		schedule            *messages.Schedule
		after, before, want string
	}{
		{&messages.Schedule{Interval: second}, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-03-31T23:59:59Z"},
		{cronLine("* * * * * *", ""), "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-03-31T23:59:59Z"},
		{cronLine("0 6 * * 1", ""), "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-03-30T06:00:00Z"},
		{cronLine("0 0 29 2 *", ""), "2020-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2024-02-29T00:00:00Z"},
		{cronLine("0 6 * * *", ""), "2026-03-01T06:00:00Z", "2026-03-02T06:00:00Z", ""},
	} {
		last, ok := Last(test.schedule, since, at(t, test.after), at(t, test.before))
		if ok != (test.want != "") || ok && last != at(t, test.want) {
			t.Errorf("%v: the last before %s is %s, %v; want %s", test.schedule, test.before, time.UnixMicro(last).UTC(), ok, test.want)
		}
	}
}

func TestBadLinesAndZonesAreRefused(t *testing.T) {
	for _, test := range []struct{ line, zone, reason string }{
		{"61 * * * *", "", "61"}, {"* * *", "", "field"}, {"", "", ""}, {"0 0 30 2 *", "", "no such day"},
		{"* * * * *", "Europe/Atlantis", "no time zone"}, {"* * * * *", "Local", "no time zone"}, {"* * * * *", "../etc/passwd", "no time zone"},
		{"@every 5s", "", "interval"}, {"TZ=UTC * * * * *", "", "zone"}, {strings.Repeat("1,", 200) + "1 * * * *", "", "too long"},
	} {
		err := Check("add", "socket s", test.line, test.zone)
		if !errors.Is(err, messages.Invalid) || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%q in %q: %v, want one that says %q", test.line, test.zone, err, test.reason)
		}
	}
	if err := Check("add", "socket s", "@daily", "America/New_York"); err != nil {
		t.Error(err)
	}
}
