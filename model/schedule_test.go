package model

import (
	"testing"

	"github.com/elasticcode/flow/messages"
)

func (w *world) setSocket(s *messages.Socket, fields ...string) {
	w.t.Helper()
	w.do(updateSocket(s, fields...))
}

func updateSocket(s *messages.Socket, fields ...string) *messages.Update {
	return &messages.Update{Kind: messages.Kind_KIND_SOCKET, Name: "s", Fields: fields, Object: &messages.Object{Spec: &messages.Object_Socket{Socket: s}}}
}

func (w *world) setProcessor(p *messages.Processor, fields ...string) {
	w.t.Helper()
	w.do(&messages.Update{Kind: messages.Kind_KIND_PROCESSOR, Name: "p", Fields: fields, Object: &messages.Object{Spec: &messages.Object_Processor{Processor: p}}})
}

func TestPartitionIsToldOfASchedule(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	if s := w.told("s").Schedule; s != nil {
		t.Fatalf("without a schedule it was told %v", s)
	}
	w.setSocket(&messages.Socket{Interval: 5}, "socket.interval")
	if s := w.told("s").Schedule; s.GetInterval() != 5_000_000 || s.On || s.Owner != "ann" {
		t.Errorf("an interval alone: %v", s)
	}
	w.setSocket(&messages.Socket{Scheduled: true}, "socket.scheduled")
	if s := w.told("s").Schedule; !s.On {
		t.Errorf("scheduled: %v", s)
	}
	w.setSocket(&messages.Socket{SchedulePaused: true}, "socket.schedule_paused")
	if s := w.told("s").Schedule; s.On {
		t.Errorf("paused: %v", s)
	}
}

// TestWhatHasNoScheduleIsNotPaused: nothing would come of it.
func TestWhatHasNoScheduleIsNotPaused(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	for _, paused := range []bool{true, false} {
		w.refused(updateSocket(&messages.Socket{SchedulePaused: paused}, "socket.schedule_paused"), messages.NotFound, "it has no schedule", "--interval")
	}
	w.setSocket(&messages.Socket{Interval: 5}, "socket.interval")
	w.refused(updateSocket(&messages.Socket{}, "socket.schedule_paused"), messages.Conflict, "not switched on", "--scheduled")
	w.setProcessor(&messages.Processor{Beat: true}, "processor.beat")
	w.setSocket(&messages.Socket{SchedulePaused: true}, "socket.schedule_paused")
	if s := w.told("s").Schedule; s.On {
		t.Errorf("paused while its processor beats: %v", s)
	}
}

func TestProcessorThatBeatsRunsTheSchedulesOfItsSockets(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	w.setSocket(&messages.Socket{Interval: 5}, "socket.interval")
	w.setProcessor(&messages.Processor{Beat: true, Cron: "@daily"}, "processor.beat", "processor.cron")
	if s := w.told("s").Schedule; !s.GetOn() || s.Interval != 5_000_000 || s.Cron != "" {
		t.Errorf("a socket with an interval: %v", s)
	}
	w.setSocket(&messages.Socket{}, "socket.interval")
	if s := w.told("s").Schedule; !s.GetOn() || s.Cron != "@daily" {
		t.Errorf("a socket without a schedule: %v", s)
	}
	w.setProcessor(&messages.Processor{}, "processor.beat")
	if s := w.told("s").Schedule; s != nil {
		t.Errorf("the beat is over: %v", s)
	}
}

func TestBadSchedulesAreRefused(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	for _, test := range []struct {
		socket *messages.Socket
		fields []string
		says   string
	}{
		{&messages.Socket{Interval: -1}, []string{"socket.interval"}, "-1 seconds"},
		{&messages.Socket{Interval: MaxInterval + 1}, []string{"socket.interval"}, "it must be 1 to"},
		{&messages.Socket{Scheduled: true}, []string{"socket.scheduled"}, "neither"},
		{&messages.Socket{ScheduleType: "CRON"}, []string{"socket.schedule_type"}, "no cron line"},
		{&messages.Socket{ScheduleType: "INTERVAL"}, []string{"socket.schedule_type"}, "has none"},
		{&messages.Socket{ScheduleType: "LUNAR"}, []string{"socket.schedule_type"}, "LUNAR"},
		{&messages.Socket{Cron: "@daily", Interval: 5}, []string{"socket.cron", "socket.interval"}, "a cron line and an interval"},
		{&messages.Socket{Missed: "all"}, []string{"socket.missed"}, "all"},
		{&messages.Socket{Overlap: "all"}, []string{"socket.overlap"}, "all"},
		{&messages.Socket{ScheduleData: "{"}, []string{"socket.schedule_data"}, "not JSON"},
	} {
		w.refused(updateSocket(test.socket, test.fields...), messages.Invalid, test.says)
	}
}
