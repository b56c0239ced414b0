package model

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/elasticcode/flow/messages"
)

func TestUpdateChangesTheNamedFieldsOnly(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	before := w.get(messages.Kind_KIND_SOCKET, "s")
	update := &messages.Update{Kind: messages.Kind_KIND_SOCKET, Name: "s", Fields: []string{"socket.retries"},
		Object: &messages.Object{Name: "other", Owner: "bob", Spec: &messages.Object_Socket{Socket: &messages.Socket{Retries: proto.Int32(0), Ordered: true, Partition: 2}}}}
	w.do(update)
	after := w.get(messages.Kind_KIND_SOCKET, "s")
	want := clone(before)
	want.GetSocket().Retries = proto.Int32(0)
	want.Version, want.Lastupdated = w.index, w.now
	if !proto.Equal(after, want) {
		t.Errorf("after:  %v\nwanted: %v", after, want)
	}
	version := after.Version
	w.do(update)
	if w.get(messages.Kind_KIND_SOCKET, "s").Version != version {
		t.Error("an update that changes nothing raised the version")
	}
	update.Object.GetSocket().Retries = nil
	w.do(update)
	if s := w.get(messages.Kind_KIND_SOCKET, "s").GetSocket(); s.Retries != nil {
		t.Error("an absent value did not clear the override")
	}
}

func TestUpdateRefusesWhatIsNotSettable(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	update := func(kind messages.Kind, name string, fields ...string) *messages.Update {
		return &messages.Update{Kind: kind, Name: name, Fields: fields, Object: &messages.Object{}}
	}
	for _, test := range []struct {
		kind  messages.Kind
		name  string
		field string
		words []string
	}{
		{messages.Kind_KIND_SOCKET, "s", "socket.partition", []string{"socket.partition", "socket.ordered"}},
		{messages.Kind_KIND_SOCKET, "s", "socket.function", []string{"socket.function"}},
		{messages.Kind_KIND_SOCKET, "s", "requested_status", []string{"requested_status"}},
		{messages.Kind_KIND_PROCESSOR, "p", "processor.partition", []string{"processor.concurrency"}},
		{messages.Kind_KIND_PROCESSOR, "p", "name", []string{"name"}},
		{messages.Kind_KIND_PROCESSOR, "p", "processor.retries", []string{"no processor"}},
		{messages.Kind_KIND_TASK, "p.f", "task.code", []string{"processor"}},
		{messages.Kind_KIND_DEPLOYMENT, "p@a", "deployment.cpus", []string{"concurrency"}},
	} {
		w.refused(update(test.kind, test.name, test.field), messages.Invalid, test.words...)
	}
	w.refused(update(messages.Kind_KIND_QUEUE, "q"), messages.Invalid, "no field", "queue.max_length")
	w.refused(update(messages.Kind_KIND_QUEUE, "qq", "queue.expires"), messages.NotFound, "qq", "nearest: q")
	stale := update(messages.Kind_KIND_PROCESSOR, "p", "enabled")
	stale.Expect = 1
	w.refused(stale, messages.Conflict, "version")
	bad := update(messages.Kind_KIND_PROCESSOR, "p", "processor.concurrency")
	bad.Object.Spec = &messages.Object_Processor{Processor: &messages.Processor{Concurrency: -2}}
	w.refused(bad, messages.Invalid, "-2")
	bad.Fields = []string{"requested_status"}
	bad.Object.RequestedStatus = "dancing"
	w.refused(bad, messages.Invalid, "dancing", "paused")
	strategy := update(messages.Kind_KIND_SCHEDULER, "default", "scheduler.strategy")
	strategy.Object.Spec = &messages.Object_Scheduler{Scheduler: &messages.Scheduler{Strategy: "LAZY"}}
	w.refused(strategy, messages.Invalid, "LAZY", "EFFICIENT")
}

// TestSettableFieldsExist guards the lists of names against misspelling.
func TestSettableFieldsExist(t *testing.T) {
	for number := range messages.Kind_name {
		kind := messages.Kind(number)
		fields := settable(kind)
		if !slices.IsSorted(fields) {
			t.Errorf("the fields of a %s are not sorted", noun(kind))
		}
		for _, field := range fields {
			descriptor := (&messages.Object{}).ProtoReflect().Descriptor()
			if spec, rest, nested := strings.Cut(field, "."); nested {
				descriptor, field = descriptor.Fields().ByName(protoreflect.Name(spec)).Message(), rest
			}
			if descriptor.Fields().ByName(protoreflect.Name(field)) == nil {
				t.Errorf("a %s has no field %s", noun(kind), field)
			}
		}
	}
}

// The commit is the same, and yet its environment is made and its workers start anew.
func TestRestartStartsTheSameCodeAgain(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	w.reports("a", "p", Running, 2, "")
	before := w.processor("p").GetProcessor()
	again := &messages.Update{Kind: messages.Kind_KIND_PROCESSOR, Name: "p", Fields: []string{"requested_status", "processor.resolved_commit"}, Functions: functionsNamed("f", "g"),
		Object: &messages.Object{RequestedStatus: Running, Spec: &messages.Object_Processor{Processor: before}}}
	w.do(again)
	o := w.processor("p")
	if o.GetProcessor().Restarted <= before.Restarted || o.GetProcessor().ResolvedCommit != before.ResolvedCommit {
		t.Errorf("restarted at %d, before at %d, on %s", o.GetProcessor().Restarted, before.Restarted, o.GetProcessor().ResolvedCommit)
	}
	if o.Status != Running {
		t.Errorf("status %s, though its workers serve until others do", o.Status)
	}
}

func TestNewCommitBringsAndTakesTasks(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	w.acknowledge(1)
	w.refused(commit("c2", "f", "h"), messages.Conflict, "no function g", "t", "f, h")
	w.do(&messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: "t"})
	w.acknowledge(1)

	more := commit("c2", "f", "h")
	more.Functions[0].Parameters = more.Functions[0].Parameters[:1]
	w.do(more)
	if names := w.tasks("p"); names != "p.f p.h" {
		t.Errorf("tasks %v", names)
	}
	if arguments := TaskArguments(w.state, w.get(messages.Kind_KIND_TASK, "p.f").Id); len(arguments) != 1 {
		t.Errorf("arguments of f: %v", namesOf(arguments))
	}
	if o := w.processor("p"); o.Status != Starting {
		t.Errorf("status %s until a worker of the new commit runs", o.Status)
	}
	sent := w.sent(1)
	if len(sent) != 1 || sent[0].(*messages.ConfigureProcessor).Commit != "c2" {
		t.Errorf("sent %v, want the new commit", sent)
	}
	// The agent still tells of the old commit, then of the new one.
	o := w.processor("p")
	w.do(&messages.Report{Node: "node-a", Boot: 1, Deployments: []*messages.DeploymentReport{{Processor: o.Id, Commit: "c1", Status: Running, Running: 2, Epoch: w.index}}})
	if w.processor("p").Status != Starting {
		t.Error("workers of the old commit count for the new one")
	}
	w.reports("a", "p", Running, 1, "")
	if w.processor("p").Status != Running {
		t.Error("a worker of the new commit does not count")
	}
}

func TestRestartTriesAFailedBuildAgain(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	w.reports("a", "p", Failed, 0, "setup.py: boom")
	if o := w.processor("p"); o.Status != Failed || o.Message != "setup.py: boom" {
		t.Fatalf("status %s, message %q", o.Status, o.Message)
	}
	old := w.get(messages.Kind_KIND_DEPLOYMENT, "p@a").GetDeployment().Epoch
	w.do(&messages.Update{Kind: messages.Kind_KIND_PROCESSOR, Name: "p", Fields: []string{"processor.resolved_commit"}, Functions: functionsNamed("f", "g"),
		Object: &messages.Object{Spec: &messages.Object_Processor{Processor: &messages.Processor{ResolvedCommit: "c1"}}}})
	d := w.get(messages.Kind_KIND_DEPLOYMENT, "p@a")
	if w.processor("p").Status != Starting || d.Status != Starting || d.GetDeployment().Epoch <= old {
		t.Errorf("after the restart the processor is %s, its deployment %v", w.processor("p").Status, d)
	}
	late := &messages.Report{Node: "node-a", Boot: 1, Deployments: []*messages.DeploymentReport{{Processor: id("processor p"), Commit: "c1", Status: Failed, Epoch: old}}}
	w.do(late)
	if w.processor("p").Status != Starting {
		t.Error("the failure from before the restart counts")
	}
	late.Deployments[0].Epoch = w.index
	w.do(late)
	if w.processor("p").Status != Failed {
		t.Error("a new failure does not count")
	}
}

func TestStartForgetsFailuresFromBeforeTheStop(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	old := w.index
	w.ask("p", Stopped)
	w.ask("p", Running)
	w.do(&messages.Report{Node: "node-a", Boot: 1, Deployments: []*messages.DeploymentReport{{Processor: id("processor p"), Commit: "c1", Status: Failed, Epoch: old}}})
	if status := w.processor("p").Status; status != Starting {
		t.Errorf("%s by a failure from before the stop", status)
	}
}

func TestRestartOfWhatRunsChangesNothing(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	w.reports("a", "p", Running, 2, "")
	before := w.state.Clone()
	w.do(&messages.Update{Kind: messages.Kind_KIND_PROCESSOR, Name: "p", Fields: []string{"processor.resolved_commit"}, Functions: functionsNamed("f", "g"),
		Object: &messages.Object{Spec: &messages.Object_Processor{Processor: &messages.Processor{ResolvedCommit: "c1"}}}})
	if difference := firstDifference(before, w.state); difference != "" {
		t.Errorf("%s changed", difference)
	}
}

func TestStatusFollowsWhatIsRequestedAndWhatRuns(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	status := func(want, message string) {
		t.Helper()
		if o := w.processor("p"); o.Status != want || o.Message != message {
			t.Errorf("status %s (%s), want %s (%s)", o.Status, o.Message, want, message)
		}
		var told *messages.ConfigureProcessor
		for _, m := range w.sent(1) {
			if p, ok := m.(*messages.ConfigureProcessor); ok {
				told = p
			}
		}
		if told.Message != message {
			t.Errorf("the partition was told %q, want %q", told.Message, message)
		}
	}
	status(Starting, "starting workers on a")
	w.reports("a", "p", Building, 0, "Collecting numpy")
	status(Starting, "building environment on a")
	w.reports("a", "p", Running, 1, "")
	status(Running, "")
	w.ask("p", Paused)
	status(Paused, "")
	if w.deployed() != "p@a=2" {
		t.Errorf("paused: %s, want the slots kept", w.deployed())
	}
	w.ask("p", Running)
	status(Running, "")
	w.ask("p", Stopped)
	status(Stopped, "")
	if w.deployed() != "" {
		t.Errorf("stopped: %s", w.deployed())
	}
	w.ask("p", Running)
	status(Starting, "starting workers on a")
	w.set("p", &messages.Processor{Hostname: "node-a"}, "processor.hostname")
	if host := w.processor("p").GetProcessor().Hostname; host != "a" {
		t.Errorf("pinned to %q, want the node's name", host)
	}
	w.do(&messages.NodeDown{Node: "node-a", Boot: 1, Reason: "gone"})
	status(Starting, "node a, to which it is pinned, is down")
	w.set("p", &messages.Processor{}, "processor.hostname")
	status(Starting, "no free CPU")
}
