package model

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// commit updates the code of processor p.
func commit(commit string, functions ...string) *messages.Update {
	return &messages.Update{Kind: messages.Kind_KIND_PROCESSOR, Name: "p", Fields: []string{"processor.resolved_commit"}, Functions: functionsNamed(functions...),
		Object: &messages.Object{Spec: &messages.Object_Processor{Processor: &messages.Processor{ResolvedCommit: commit}}}}
}

func (w *world) tasks(processor string) string {
	return strings.Join(namesOf(Tasks(w.state, id("processor "+processor))), " ")
}

// reportsNext says that the agent of node a runs commit c1, and has seen this of
// the code that is to take its place.
func (w *world) reportsNext(commit, status, message string) {
	w.t.Helper()
	w.do(&messages.Report{Node: "node-a", Boot: 1, Deployments: []*messages.DeploymentReport{{Processor: id("processor p"), Commit: "c1", Status: Running, Running: 2,
		Epoch: w.index, NextCommit: commit, NextStatus: status, NextMessage: message}}})
}

// configured is the commit that the partition was told last.
func (w *world) configured() string {
	value, _ := w.state.Get(configuredKey(messages.Kind_KIND_PROCESSOR, id("processor p")))
	told := new(messages.ConfigureProcessor)
	if err := proto.Unmarshal(value, told); err != nil {
		w.t.Fatal(err)
	}
	return told.Commit
}

func (w *world) serves(commit, functions, message string) {
	w.t.Helper()
	serving, _ := Serving(w.processor("p"))
	if got := serving.GetProcessor().ResolvedCommit; got != commit {
		w.t.Errorf("commit %s serves, want %s", got, commit)
	}
	if got := w.tasks("p"); got != functions {
		w.t.Errorf("tasks %s, want %s", got, functions)
	}
	if got := w.configured(); got != commit {
		w.t.Errorf("the partition leases to commit %s, want %s", got, commit)
	}
	if o := w.processor("p"); !strings.Contains(o.Message, message) || message == "" && o.Message != "" {
		w.t.Errorf("%s: %q, want %q in it", o.Status, o.Message, message)
	}
}

// running gives a world in which commit c1 of processor p works on node a.
func running(t *testing.T) *world {
	w := founded(t, 4)
	w.sample()
	w.reports("a", "p", Running, 2, "")
	return w
}

func TestCommitThatDoesNotStartReplacesNothing(t *testing.T) {
	w := running(t)
	w.do(commit("c2", "f", "g", "h"))
	w.serves("c1", "p.f p.g", "update to commit c2 is about to be built; commit c1 runs on")
	w.reportsNext("c2", Building, "")
	w.serves("c1", "p.f p.g", "is being built on a")
	w.reportsNext("c2", Failed, "ImportError: no module named x")
	w.serves("c1", "p.f p.g", "update to commit c2 failed on a; commit c1 runs on:\nImportError: no module named x")
	if o := w.processor("p"); o.Status != Running || o.GetProcessor().ResolvedCommit != "c2" {
		t.Errorf("it is %s at %s", o.Status, o.GetProcessor().ResolvedCommit)
	}
	w.do(commit("c3", "f", "g", "i"))
	w.reportsNext("c2", Ready, "")
	w.serves("c1", "p.f p.g", "update to commit c3")
	w.reportsNext("c3", Ready, "")
	w.serves("c3", "p.f p.g p.i", "starting workers on a")
	w.reports("a", "p", Running, 2, "")
	w.serves("c3", "p.f p.g p.i", "")
}

func TestFormerCommitAgainEndsAnUpdate(t *testing.T) {
	w := running(t)
	restarted := w.processor("p").GetProcessor().Restarted
	w.do(commit("c2", "f", "g", "h"))
	w.reportsNext("c2", Failed, "boom")
	w.do(commit("c1", "f", "g"))
	w.serves("c1", "p.f p.g", "")
	if o := w.processor("p"); o.Status != Running || o.GetProcessor().Restarted == restarted {
		t.Errorf("it is %s, started at %d", o.Status, o.GetProcessor().Restarted)
	}
}

func TestFailedUpdateIsTriedAgainByARestart(t *testing.T) {
	w := running(t)
	w.do(commit("c2", "f", "g"))
	w.reportsNext("c2", Failed, "the index could not be reached")
	before := w.processor("p").GetProcessor()
	again := commit("c2", "f", "g")
	again.Fields, again.Object.RequestedStatus = append(again.Fields, "requested_status"), Running
	w.do(again)
	after := w.processor("p").GetProcessor()
	if after.Restarted <= before.Restarted || after.Serving.Restarted != before.Serving.Restarted {
		t.Errorf("restarted: %d, then %d; what serves: %d, then %d", before.Restarted, after.Restarted, before.Serving.Restarted, after.Serving.Restarted)
	}
	w.serves("c1", "p.f p.g", "about to be built")
	w.do(&messages.Report{Node: "node-a", Boot: 1, Deployments: []*messages.DeploymentReport{{Processor: id("processor p"), Commit: "c1", Status: Running, Running: 2,
		Epoch: before.Restarted, NextCommit: "c2", NextStatus: Failed}}})
	w.serves("c1", "p.f p.g", "about to be built")
}

func TestUpdateWaitsForASocketToGo(t *testing.T) {
	w := running(t)
	w.do(&messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: "t"})
	w.acknowledge(1)
	w.do(commit("c2", "f", "h"))
	w.do(socket("u", "q", "p", "g"))
	w.reportsNext("c2", Ready, "")
	w.serves("c1", "p.f p.g", "no function g any more, which sockets lead to: u")
	w.do(&messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: "u"})
	w.acknowledge(1)
	if got, _ := Serving(w.processor("p")); got.GetProcessor().ResolvedCommit != "c2" || w.tasks("p") != "p.f p.h" {
		t.Errorf("commit %s, tasks %s", got.GetProcessor().ResolvedCommit, w.tasks("p"))
	}
}

func TestNodesGetBothTheCodeThatServesAndTheNext(t *testing.T) {
	w := running(t)
	if a := Assignments(w.state, "node-a"); len(a) != 1 || a[0].Next != nil {
		t.Fatalf("assignments %v", a)
	}
	w.do(commit("c2", "f", "g"))
	a := Assignments(w.state, "node-a")
	if len(a) != 1 || a[0].Processor.GetProcessor().ResolvedCommit != "c1" || a[0].Next.GetProcessor().ResolvedCommit != "c2" {
		t.Errorf("assignments %v", a)
	}
	if shown := Redacted(w.processor("p")); strings.Contains(shown.String(), "token") {
		t.Errorf("%v shows a credential", shown)
	}
	w.do(&messages.Delete{Kind: messages.Kind_KIND_PROCESSOR, Name: "p", Force: true})
	w.acknowledge(1)
}

func TestStoppedProcessorTakesNewCodeAtOnce(t *testing.T) {
	w := running(t)
	w.ask("p", Stopped)
	w.do(commit("c2", "f", "g"))
	w.serves("c2", "p.f p.g", "")
}

func TestFailedBuildLeavesItsCPUsToOthers(t *testing.T) {
	w := founded(t, 2)
	w.sample()
	w.do(processor("late", 2, "f"))
	w.do(&messages.Report{Node: "node-a", Boot: 1, Deployments: []*messages.DeploymentReport{
		{Processor: id("processor p"), Commit: "c1", Status: Failed, Message: "setup.py: boom", Unbuilt: true, Epoch: w.index}}})
	if o := w.processor("p"); o.Status != Failed || o.Message != "setup.py: boom" {
		t.Errorf("it is %s: %q", o.Status, o.Message)
	}
	if w.deployed() != "late@a=2" {
		t.Errorf("placed: %s", w.deployed())
	}
	w.do(commit("c2", "f", "g"))
	if o := w.processor("p"); w.deployed() != "late@a=1 p@a=1" || o.Status != Starting {
		t.Errorf("after another commit: %s, %s: %q", w.deployed(), o.Status, o.Message)
	}
}

func TestWorkerThatDoesNotStartKeepsItsCPU(t *testing.T) {
	w := founded(t, 2)
	w.sample()
	w.reports("a", "p", Failed, 0, "ImportError")
	if w.deployed() != "p@a=2" {
		t.Errorf("placed: %q; it is tried again, and needs its slots", w.deployed())
	}
}
