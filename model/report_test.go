package model

import (
	"bytes"
	"strings"
	"testing"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// firstDifference names the first key in which two states differ; "": none.
func firstDifference(a, b kv.View) string {
	for k, v := range a.Scan(nil, nil) {
		if other, ok := b.Get(k); !ok || !bytes.Equal(v, other) {
			return string(k)
		}
	}
	for k := range b.Scan(nil, nil) {
		if _, ok := a.Get(k); !ok {
			return string(k)
		}
	}
	return ""
}

func TestReportReplacesWhatTheNodeSaidBefore(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	report := &messages.Report{Node: "node-a", Boot: 1,
		Deployments: []*messages.DeploymentReport{{Processor: id("processor p"), Commit: "c1", Status: Running, Running: 9, Epoch: w.index}},
		Workers:     []*messages.Object{worker("p", 11), worker("p", 12), worker("p", 12), worker("gone", 13)}}
	w.do(report)
	if d := w.get(messages.Kind_KIND_DEPLOYMENT, "p@a"); d.Status != Running || d.GetDeployment().Running != 2 {
		t.Errorf("deployment: %v, want no more running than its 2 slots", d)
	}
	workers, total := List(w.state, messages.Kind_KIND_WORKER, Filter{Processor: "p"}, "", 0)
	if total != 2 || workers[0].Name != "p@a.11" || workers[1].Name != "p@a.12" {
		t.Fatalf("workers %v", namesOf(workers))
	}
	if o := workers[0].GetWorker(); o.Node != "node-a" || o.Hostname != "host-a" || workers[0].Owner != "ann" ||
		o.Agent != w.get(messages.Kind_KIND_AGENT, "a").Id || o.Deployment != w.get(messages.Kind_KIND_DEPLOYMENT, "p@a").Id {
		t.Errorf("worker: %v", o)
	}
	before := w.state.Clone()
	w.do(report)
	if difference := firstDifference(before, w.state); difference != "" {
		t.Errorf("a report that says the same changed %s", difference)
	}
	w.do(&messages.Report{Node: "node-a", Boot: 1, Workers: []*messages.Object{worker("p", 12)}})
	if _, total := List(w.state, messages.Kind_KIND_WORKER, Filter{}, "", 0); total != 1 {
		t.Errorf("%d workers after a report of one", total)
	}
	if d := w.get(messages.Kind_KIND_DEPLOYMENT, "p@a"); d.Status != Starting || d.GetDeployment().Running != 0 {
		t.Errorf("deployment: %v, want it back at the start as the node said nothing of it", d)
	}
}

func TestProcessorFailsWhenItFailedEverywhere(t *testing.T) {
	w := founded(t, 2, 2)
	w.do(queue("q"))
	w.do(processor("p", 4, "f"))
	w.reports("a", "p", Failed, 0, strings.Repeat("x", MaxMessage)+"boom")
	if o := w.processor("p"); o.Status != Starting || o.Message != "starting workers on b" {
		t.Errorf("failed on one of two: %s, %s", o.Status, o.Message)
	}
	w.reports("b", "p", Failed, 0, "bang")
	o := w.processor("p")
	if o.Status != Failed || len(o.Message) != MaxMessage || !strings.HasSuffix(o.Message, "boom") {
		t.Errorf("failed everywhere: %s, %d bytes of message", o.Status, len(o.Message))
	}
	sent := w.sent(1)
	if last := sent[len(sent)-1].(*messages.ConfigureProcessor); last.Status != Failed || !strings.HasSuffix(last.Message, "boom") {
		t.Errorf("the partition was told %v", last)
	}
	w.reports("b", "p", Running, 1, "")
	if o := w.processor("p"); o.Status != Running || o.Message != "" {
		t.Errorf("running on one of two: %s, %s", o.Status, o.Message)
	}
}
