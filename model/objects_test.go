package model

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/topic"
	"github.com/elasticcode/flow/outbox"
)

func TestCreateStampsWhatTheLogSays(t *testing.T) {
	w := founded(t, 4)
	changed := w.do(queue("q"))
	o := changed.Object
	if o.Created != w.now || o.Lastupdated != w.now || o.Version != w.index || changed.Version != w.index {
		t.Errorf("created %d, updated %d, version %d; want %d, %d", o.Created, o.Lastupdated, o.Version, w.now, w.index)
	}
	if o.Owner != "ann" || o.Status != Ready || o.RequestedStatus != Ready || !o.Enabled || o.GetQueue().Qtype != topic.Direct {
		t.Errorf("queue: %v", o)
	}
	if stored := w.get(messages.Kind_KIND_QUEUE, o.Id); !proto.Equal(stored, o) {
		t.Errorf("stored %v, answered %v", stored, o)
	}
}

func TestCreateSentTwiceIsOneObject(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	first, second := w.get(messages.Kind_KIND_SOCKET, "s"), w.do(socket("s", "q", "p", "f"))
	if !proto.Equal(first, second.Object) {
		t.Errorf("the second gave %v, want %v", second.Object, first)
	}
	partition := first.GetSocket().Partition
	want := &messages.Deliveries{To: partition, Seq: outbox.Last(w.state, messages.GroupID(partition))}
	if len(second.Deliveries) != 1 || !proto.Equal(second.Deliveries[0], want) {
		t.Errorf("the second waits for %v, want what is still under way: %v", second.Deliveries, want)
	}
	w.acknowledge(messages.GroupID(partition))
	if third := w.do(socket("s", "q", "p", "f")); len(third.Deliveries) != 0 {
		t.Errorf("the third waits for %v, though all was acknowledged", third.Deliveries)
	}
}

func TestTakenNameIsAConflict(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	other := queue("q")
	other.Object.Id = id("other")
	w.refused(other, messages.Conflict, "q", id("queue q"))
	other.Object.Id, other.Object.Name = id("queue q"), "r"
	w.refused(other, messages.Conflict, "q")
}

func TestBadNamesAndIDsAreRefused(t *testing.T) {
	w := founded(t, 4)
	for _, name := range []string{"", "a b", "*", "..", "a\tb", "a\x00", strings.Repeat("x", messages.MaxName+1), id("looks like an id")} {
		w.refused(queue(name), messages.Invalid)
	}
	m := queue("q")
	m.Object.Id = "17"
	w.refused(m, messages.Invalid, "17")
	w.do(queue(strings.Repeat("x", messages.MaxName)))
	w.do(queue("größe.q/1"))
}

func TestBadValuesAreRefused(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	q := func(set func(*messages.Queue)) proto.Message { m := queue("bad"); set(m.Object.GetQueue()); return m }
	p := func(set func(*messages.Processor)) proto.Message {
		m := processor("bad", 1)
		set(m.Object.GetProcessor())
		return m
	}
	s := func(set func(*messages.Socket)) proto.Message {
		m := socket("bad", "q", "p", "f")
		set(m.Object.GetSocket())
		return m
	}
	for _, test := range []struct {
		m     proto.Message
		kind  messages.KindError
		words []string
	}{
		{q(func(q *messages.Queue) { q.Qtype = "round" }), messages.Invalid, []string{"round", "fanout"}},
		{q(func(q *messages.Queue) { q.MaxLength = -1 }), messages.Invalid, []string{"max_length", "-1"}},
		{q(func(q *messages.Queue) { q.MessageTtl = -1 }), messages.Invalid, []string{"message_ttl"}},
		{p(func(p *messages.Processor) { p.Gitrepo = "" }), messages.Invalid, []string{"git repository"}},
		{p(func(p *messages.Processor) { p.Module = "" }), messages.Invalid, []string{"module"}},
		{p(func(p *messages.Processor) { p.Concurrency = 4097 }), messages.Invalid, []string{"4097", "4096"}},
		{p(func(p *messages.Processor) { p.Concurrency = -1 }), messages.Invalid, []string{"-1"}},
		{p(func(p *messages.Processor) { p.Retries = -1 }), messages.Invalid, []string{"retries"}},
		{p(func(p *messages.Processor) { p.Timelimit = -1 }), messages.Invalid, []string{"timelimit"}},
		{p(func(p *messages.Processor) { p.Ratelimit = "60" }), messages.Invalid, []string{"60", "N/s"}},
		{p(func(p *messages.Processor) { p.Ratelimit = "0/s" }), messages.Invalid, []string{"0/s"}},
		{p(func(p *messages.Processor) { p.Hostname = "mars" }), messages.NotFound, []string{"mars", "nodes: a"}},
		{s(func(s *messages.Socket) { s.Queue = "qq" }), messages.NotFound, []string{"qq", "nearest: q"}},
		{s(func(s *messages.Socket) { s.Queue = "" }), messages.Invalid, []string{"queue", "q"}},
		{s(func(s *messages.Socket) { s.Processor = "nope" }), messages.NotFound, []string{"nope", "p"}},
		{s(func(s *messages.Socket) { s.Function = "ff" }), messages.NotFound, []string{"ff", "f, g"}},
		{s(func(s *messages.Socket) { s.Function = "" }), messages.Invalid, []string{"f, g"}},
		{s(func(s *messages.Socket) { s.Retries = proto.Int32(-1) }), messages.Invalid, []string{"retries"}},
		{s(func(s *messages.Socket) { s.ScheduleType = "NOW" }), messages.Invalid, []string{"NOW", "CRON"}},
		{&messages.Create{}, messages.Invalid, nil},
		{&messages.Create{Object: &messages.Object{Id: id("x"), Name: "x", Kind: messages.Kind_KIND_QUEUE}}, messages.Invalid, []string{"queue"}},
		{&messages.Create{Object: &messages.Object{Id: id("x"), Name: "x", Kind: messages.Kind_KIND_NODE}}, messages.Invalid, []string{"--join"}},
		{&messages.Create{Object: &messages.Object{Id: id("x"), Name: "x", Kind: messages.Kind_KIND_TASK}}, messages.Invalid, []string{"processor"}},
	} {
		w.refused(test.m, test.kind, test.words...)
	}
	w.do(p(func(p *messages.Processor) { p.Ratelimit = "100/m"; p.Concurrency = 0; p.Hostname = "LocalHost" }))
	if made := w.processor("bad").GetProcessor(); made.Concurrency != 1 || made.Hostname != "" {
		t.Errorf("concurrency %d and host %q, want the default 1 and no pin", made.Concurrency, made.Hostname)
	}
}

func TestProcessorBringsTasksAndArguments(t *testing.T) {
	w := founded(t, 4)
	changed := w.do(processor("p", 2, "f", "g"))
	if len(changed.Objects) != 6 {
		t.Fatalf("%d objects came with it, want 2 tasks with 2 arguments each", len(changed.Objects))
	}
	task := w.get(messages.Kind_KIND_TASK, "p.f")
	arguments := TaskArguments(w.state, task.Id)
	if names := namesOf(arguments); !slices.Equal(names, []string{"message", "args"}) {
		t.Errorf("arguments %v, want them by position", names)
	}
	if a := arguments[1].GetArgument(); a.Kind != messages.ArgumentKind_VAR_POSITIONAL || a.Position != 1 {
		t.Errorf("the second argument: %v", a)
	}
	if got := w.get(messages.Kind_KIND_ARGUMENT, "p.f.args"); got.Id != arguments[1].Id {
		t.Error("p.f.args is another argument")
	}
	w.do(processor("p2", 1, "f"))
	if w.get(messages.Kind_KIND_TASK, "p2.f").Id == task.Id {
		t.Error("two processors share a task")
	}
	w.refused(processor("p3", 1, "f", "f"), messages.Invalid, "f", "twice")
}

func TestSocketTakesItsProcessorsPartition(t *testing.T) {
	w := founded(t, 4)
	w.do(queue("q"))
	for i, name := range []string{"p1", "p2", "p3"} {
		w.do(processor(name, 1, "f"))
		want := uint32(1 + i%2)
		if got := w.processor(name).GetProcessor().Partition; got != want {
			t.Errorf("%s is in partition %d, want %d", name, got, want)
		}
		w.do(socket("s"+name, "q", name, "pkg.mod.f"))
		if s := w.get(messages.Kind_KIND_SOCKET, "s"+name).GetSocket(); s.Partition != want || s.Function != "f" || s.Queue != id("queue q") || s.Processor != id("processor "+name) {
			t.Errorf("socket of %s: %v", name, s)
		}
	}
	task, ok := TaskOf(w.state, w.get(messages.Kind_KIND_SOCKET, "sp1"))
	if !ok || task.Name != "p1.f" {
		t.Errorf("the socket leads to %v", task)
	}
}

func TestEchoNeedsNoCode(t *testing.T) {
	w := founded(t, 1)
	m := processor("p", 1)
	m.Object.Spec = &messages.Object_Processor{Processor: &messages.Processor{BuiltinEcho: true}}
	w.do(m)
	w.do(queue("q"))
	w.do(socket("s", "q", "p", "echo"))
}

func TestCredentialsAreNeverShown(t *testing.T) {
	w := founded(t, 1)
	w.do(queue("q"))
	m := processor("p", 1, "f")
	m.Object.GetProcessor().Password = "hunter2"
	changed := w.do(m)
	w.reports("a", "p", Failed, 0, "clone https://ann:token@example.org/repo: refused token")
	stored := w.processor("p")
	if stored.GetProcessor().Gitrepo != "https://ann:token@example.org/repo" {
		t.Errorf("stored %q, which cannot be cloned", stored.GetProcessor().Gitrepo)
	}
	if stored.Message != "clone https://example.org/repo: refused ***" {
		t.Errorf("message %q", stored.Message)
	}
	for _, o := range append(changed.Objects, changed.Object, Redacted(stored), w.get(messages.Kind_KIND_DEPLOYMENT, "p@a")) {
		if text := o.String(); strings.Contains(text, "token") || strings.Contains(text, "hunter2") {
			t.Errorf("%s shows a secret: %s", noun(o.Kind), text)
		}
	}
	for url, want := range map[string]string{
		"git@example.org:x/y": "git@example.org:x/y", "ssh://git@example.org/x": "ssh://git@example.org/x", "ssh://git:pw@example.org/x": "ssh://example.org/x",
		"file:///tmp/a@b": "file:///tmp/a@b", "https://e.org/x?u=a@b": "https://e.org/x?u=a@b", "https://u:p@q@e.org/x": "https://e.org/x",
	} {
		if got, _ := withoutCredentials(url); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}

func TestPartitionsAreToldInOrder(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	sent := withoutQueues(w.sent(1))
	want := []string{"p", "s", "t"}
	var got []string
	for _, m := range sent {
		switch m := m.(type) {
		case *messages.ConfigureProcessor:
			got = append(got, m.Name)
			if m.Status != Running || m.Message != "starting workers on a" || m.Commit != "c1" || m.Module != "pkg.mod" {
				t.Errorf("processor: %v", m)
			}
		case *messages.ConfigureSocket:
			got = append(got, m.Name)
		default:
			t.Errorf("sent %T", m)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
	w.acknowledge(1)
	changed := w.do(&messages.Update{Kind: messages.Kind_KIND_QUEUE, Name: "q", Fields: []string{"queue.max_length"},
		Object: &messages.Object{Spec: &messages.Object_Queue{Queue: &messages.Queue{MaxLength: 9}}}})
	if len(w.sent(1)) != 2 || len(changed.Deliveries) != 1 || changed.Deliveries[0].Seq != outbox.Last(w.state, 1) {
		t.Errorf("a queue's bound: sent %v, waits for %v; want both its sockets", w.sent(1), changed.Deliveries)
	}
}
