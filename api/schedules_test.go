package api_test

import (
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

func TestSchedulesAreListedWithTheirNextTicks(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	update := func(socket *messages.Socket, fields ...string) error {
		_, err := s.objects.Update(s.within(), connect.NewRequest(&messages.UpdateRequest{Kind: messages.Kind_KIND_SOCKET, Name: "sample.emit_one",
			Fields: fields, Object: &messages.Object{Spec: &messages.Object_Socket{Socket: socket}}}))
		return err
	}
	list := func(socket string, next int32) ([]*messages.ScheduleInfo, error) {
		response, err := s.objects.ListSchedules(s.within(), connect.NewRequest(&messages.ListSchedulesRequest{Socket: socket, Next: next}))
		if err != nil {
			return nil, err
		}
		return response.Msg.Schedules, nil
	}
	if all, err := list("", 0); err != nil || len(all) != 0 {
		t.Fatalf("nothing is scheduled: %v, %v", all, err)
	}
	if _, err := list("sample.emit_one", 0); err == nil || !strings.Contains(err.Error(), "no schedule") {
		t.Errorf("a socket without a schedule: %v", err)
	}
	for says, socket := range map[string]*messages.Socket{
		"cron line":         {Cron: "61 * * * *"},
		"no time zone":      {Timezone: "Europe/Atlantis"},
		"data of its sched": {ScheduleData: "{"},
		"it must be 1 to":   {Interval: 1 << 40},
	} {
		if err := update(socket, "socket.cron", "socket.timezone", "socket.schedule_data", "socket.interval"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want %q", socket, err, says)
		}
	}
	if all, err := list("", 0); err != nil || len(all) != 0 {
		t.Fatalf("what was refused has scheduled %v, %v", all, err)
	}
	if err := update(&messages.Socket{Cron: "*/15 * * * *", Timezone: "Europe/Berlin", Scheduled: true, ScheduleData: "[7]"}, "socket.cron", "socket.timezone", "socket.scheduled", "socket.schedule_data"); err != nil {
		t.Fatal(err)
	}
	all, err := list("sample.emit_one", 3)
	if err != nil || len(all) != 1 {
		t.Fatalf("schedules %v, %v", all, err)
	}
	info, quarter := all[0], int64(15*60*1_000_000)
	if info.Type != "CRON" || info.Timezone != "Europe/Berlin" || info.State != "on" || info.Missed != "skip" || info.Overlap != "queue" || info.Data != "[7]" ||
		len(info.Next) != 3 || info.Next[0]%quarter != 0 || info.Next[1]-info.Next[0] != quarter || info.Next[2]-info.Next[1] != quarter {
		t.Errorf("the schedule is %v", info)
	}
	if err := update(&messages.Socket{SchedulePaused: true}, "socket.schedule_paused"); err != nil {
		t.Fatal(err)
	}
	if all, err = list("", 0); err != nil || len(all) != 1 || all[0].State != "paused" || len(all[0].Next) != 0 {
		t.Errorf("paused: %v, %v", all, err)
	}
	if err := update(&messages.Socket{}, "socket.scheduled", "socket.schedule_paused"); err == nil {
		t.Error("a schedule was let go on and switched off in one")
	}
	if err := update(&messages.Socket{}, "socket.scheduled"); err != nil {
		t.Fatal(err)
	}
	if all, err = list("", 0); err != nil || len(all) != 1 || all[0].State != "off" {
		t.Errorf("switched off: %v, %v", all, err)
	}
	if _, err := list("", 101); err == nil {
		t.Error("101 next ticks were not refused")
	}
}

func TestScheduleDataMustFitTheFunction(t *testing.T) {
	s := serve(t)
	s.quickstart(0)
	const wrong = `{"no_such_argument": 1}`
	_, err := s.objects.Update(s.within(), connect.NewRequest(&messages.UpdateRequest{Kind: messages.Kind_KIND_SOCKET, Name: "sample.do_something",
		Fields: []string{"socket.schedule_data"}, Object: &messages.Object{Spec: &messages.Object_Socket{Socket: &messages.Socket{ScheduleData: wrong}}}}))
	if !isKind(err, messages.Invalid) || !strings.Contains(err.Error(), "wrong arguments") {
		t.Errorf("updated: %v", err)
	}
	create := func(data string) error {
		_, err := s.objects.Create(s.within(), connect.NewRequest(&messages.CreateRequest{Object: &messages.Object{Name: "ticks", Kind: messages.Kind_KIND_SOCKET,
			Spec: &messages.Object_Socket{Socket: &messages.Socket{Processor: "proc1", Queue: "q", Task: "do_something", Interval: 5, Scheduled: true, ScheduleData: data}}}}))
		return err
	}
	if err := create(wrong); !isKind(err, messages.Invalid) || !strings.Contains(err.Error(), "wrong arguments") {
		t.Errorf("created: %v", err)
	}
	if err := create(""); err != nil { // the function gets the time
		t.Errorf("created without data: %v", err)
	}
}

// TestScheduleIsSetGoingOnlyWithWhatTheFunctionTakes: the tick's time alone is not
// enough for a function of two arguments; data that were set before are.
func TestScheduleIsSetGoingOnlyWithWhatTheFunctionTakes(t *testing.T) {
	s := serve(t)
	s.mu.Lock()
	s.functions = append(s.functions, &messages.Function{Name: "join", Parameters: []*messages.Parameter{
		{Name: "left", Kind: messages.ArgumentKind_POSITIONAL_OR_KEYWORD}, {Name: "right", Kind: messages.ArgumentKind_POSITIONAL_OR_KEYWORD}}})
	s.mu.Unlock()
	s.quickstart(0)
	s.create(&messages.Object{Name: "joins", Kind: messages.Kind_KIND_SOCKET, Spec: &messages.Object_Socket{Socket: &messages.Socket{Processor: "proc1", Queue: "q", Task: "join"}}})
	update := func(socket *messages.Socket, fields ...string) error {
		_, err := s.objects.Update(s.within(), connect.NewRequest(&messages.UpdateRequest{Kind: messages.Kind_KIND_SOCKET, Name: "joins", Fields: fields,
			Object: &messages.Object{Spec: &messages.Object_Socket{Socket: socket}}}))
		return err
	}
	if err := update(&messages.Socket{Interval: 5000, Scheduled: true}, "socket.interval", "socket.scheduled"); !isKind(err, messages.Invalid) || !strings.Contains(err.Error(), "right") {
		t.Errorf("set going without data: %v", err)
	}
	if err := update(&messages.Socket{Interval: 5000, ScheduleData: `{"left": 1, "right": 2}`}, "socket.interval", "socket.schedule_data"); err != nil {
		t.Fatal(err)
	}
	if err := update(&messages.Socket{Scheduled: true}, "socket.scheduled"); err != nil {
		t.Errorf("set going with the data that it has: %v", err)
	}
}

// TestScheduleSaysThatTheCodeDoesNotTakeItsData: it fitted when it was set, and
// does not after the code has changed.
func TestScheduleSaysThatTheCodeDoesNotTakeItsData(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	update := func(kind messages.Kind, name string, o *messages.Object, fields ...string) {
		t.Helper()
		if _, err := s.objects.Update(s.within(), connect.NewRequest(&messages.UpdateRequest{Kind: kind, Name: name, Object: o, Fields: fields})); err != nil {
			t.Fatal(err)
		}
	}
	misfit := func() string {
		t.Helper()
		listed, err := s.objects.ListSchedules(s.within(), connect.NewRequest(&messages.ListSchedulesRequest{}))
		if err != nil || len(listed.Msg.Schedules) != 1 {
			t.Fatalf("schedules %v, %v", listed, err)
		}
		return listed.Msg.Schedules[0].Misfit
	}
	update(messages.Kind_KIND_SOCKET, "sample.fails", &messages.Object{Spec: &messages.Object_Socket{Socket: &messages.Socket{Interval: 60_000, Scheduled: true}}},
		"socket.interval", "socket.scheduled")
	failed, err := s.run(&messages.RunRequest{Socket: "sample.fails"})
	if err != nil {
		t.Fatal(err)
	}
	if why := s.explain(failed.Id); misfit() != "" || strings.Contains(why.Text, "schedule") {
		t.Errorf("what fits does not: %s, %s", misfit(), why.Text)
	}
	s.mu.Lock()
	s.commit = strings.Repeat("ab", 20)
	at := slices.IndexFunc(s.functions, func(f *messages.Function) bool { return f.Name == "fails" })
	s.functions[at] = &messages.Function{Name: "fails", Parameters: []*messages.Parameter{
		{Name: "reason", Kind: messages.ArgumentKind_POSITIONAL_OR_KEYWORD}, {Name: "other", Kind: messages.ArgumentKind_POSITIONAL_OR_KEYWORD}}}
	s.mu.Unlock()
	update(messages.Kind_KIND_PROCESSOR, "proc1", &messages.Object{Spec: &messages.Object_Processor{Processor: &messages.Processor{Branch: "dev"}}}, "processor.branch")
	if got := misfit(); !strings.Contains(got, "wrong arguments for fails(reason, other): ") {
		t.Errorf("the schedule says %q", got)
	}
	if why := s.explain(failed.Id); !strings.Contains(why.Text, "the ticks of the schedule of socket sample.fails are left out: wrong arguments for fails(reason, other)") {
		t.Errorf("the call is explained by %q", why.Text)
	}
}
