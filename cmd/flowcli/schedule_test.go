package main

import (
	"context"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

func (f *fake) ListSchedules(_ context.Context, r *connect.Request[messages.ListSchedulesRequest]) (*connect.Response[messages.ListSchedulesResponse], error) {
	all := []*messages.ScheduleInfo{
		{Socket: doThis, Type: "CRON", Cron: "*/5 * * * *", Timezone: "Europe/Berlin", Missed: "skip", Overlap: "queue", State: "on",
			Since: fakeReceived, Last: fakeStarted, Next: []int64{fakeFinished}, Calls: 7, Skipped: 1, Reason: "its mailbox is full"},
		{Socket: "proc1.tick", Type: "INTERVAL", Interval: 5000, Missed: "run_once", Overlap: "skip", State: "paused", Misfit: "wrong arguments for tick(): it takes none"},
	}
	if r.Msg.Socket == "none" {
		return nil, messages.Errorf(messages.NotFound, "list", "socket none", "it has no schedule")
	}
	return connect.NewResponse(&messages.ListSchedulesResponse{Schedules: all}), nil
}

func TestSchedulesAreListed(t *testing.T) {
	s := newShell(t, socketIn())
	r := s.run("ls", "schedules", "--next", "4")
	for _, word := range []string{doThis, "*/5 * * * * Europe/Berlin", "every 5s", "run_once", "never", "paused", "its mailbox is full", "it takes none"} {
		if r.code != 0 || !strings.Contains(r.out, word) {
			t.Errorf("exit code %d, %q lacks %q", r.code, r.out, word)
		}
	}
	if m := last[*messages.ListSchedulesRequest](t, s.fake); m.Next != 4 || m.Socket != "" {
		t.Errorf("asked for %v", m)
	}
	if r := s.run("-o", "json", "ls", "schedules", doThis); r.code != 0 || !strings.Contains(r.out, `"interval_ms": 5000`) {
		t.Errorf("as JSON: %q %q", r.out, r.err)
	}
}

func TestScheduleIsPausedAndGoesOn(t *testing.T) {
	s := newShell(t, socketIn())
	for word, paused := range map[string]bool{"pause": true, "resume": false} {
		if r := s.run("schedule", word, doThis); r.code != 0 {
			t.Fatalf("%s: %s", word, r.err)
		}
		m := last[*messages.UpdateRequest](t, s.fake)
		if m.Name != doThis || len(m.Fields) != 1 || m.Fields[0] != "socket.schedule_paused" || m.Object.GetSocket().SchedulePaused != paused {
			t.Errorf("%s sent %v", word, m)
		}
	}
	complains(t, s.run("schedule", "pause", "none"), 3, "pause the schedule of socket none: there is no such socket")
}

func TestScheduleOfASocketIsSet(t *testing.T) {
	s := newShell(t, processorIn(1))
	r := s.run("add", "socket", "-n", "s", "-q", "q", "-pn", "proc1", "-t", "do_this", "-s", "-i", "5m", "--missed", "run_once", "--overlap", "skip", "--schedule-data", "[1]")
	if r.code != 0 {
		t.Fatal(r.err)
	}
	k := last[*messages.CreateRequest](t, s.fake).Object.GetSocket()
	if !k.Scheduled || k.Interval != 300 || k.Missed != "run_once" || k.Overlap != "skip" || k.ScheduleData != "[1]" {
		t.Errorf("socket %v", k)
	}
}
