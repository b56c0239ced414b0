package model

import (
	"testing"

	"github.com/elasticcode/flow/messages"
)

// TestConcurrencyIsMetWithinTheNodesCPUs is row 17 of the acceptance table.
func TestConcurrencyIsMetWithinTheNodesCPUs(t *testing.T) {
	w := founded(t, 5, 4)
	w.do(processor("p", 7, "f"))
	if w.deployed() != "p@a=4 p@b=3" || w.processor("p").GetProcessor().Shortfall != 0 {
		t.Errorf("7 slots: %s", w.deployed())
	}
	w.set("p", &messages.Processor{Concurrency: 5}, "processor.concurrency")
	if w.deployed() != "p@a=3 p@b=2" {
		t.Errorf("then 5: %s", w.deployed())
	}
	w.set("p", &messages.Processor{Concurrency: 12}, "processor.concurrency")
	if w.deployed() != "p@a=5 p@b=4" || w.processor("p").GetProcessor().Shortfall != 3 {
		t.Errorf("then 12: %s, short of %d", w.deployed(), w.processor("p").GetProcessor().Shortfall)
	}
}

func TestEpochIsTheChangeThatPlacedIt(t *testing.T) {
	w := founded(t, 5, 4)
	w.do(processor("p", 2, "f"))
	first := w.index
	w.set("p", &messages.Processor{Concurrency: 3}, "processor.concurrency")
	a, b := w.get(messages.Kind_KIND_DEPLOYMENT, "p@a").GetDeployment(), w.get(messages.Kind_KIND_DEPLOYMENT, "p@b").GetDeployment()
	if a.Epoch != w.index || b.Epoch != first {
		t.Errorf("epochs %d and %d, want %d and %d", a.Epoch, b.Epoch, w.index, first)
	}
}

func TestStrategyAndEnabledNodesDecide(t *testing.T) {
	w := founded(t, 4, 4)
	w.do(&messages.Update{Kind: messages.Kind_KIND_SCHEDULER, Name: "default", Fields: []string{"scheduler.strategy"},
		Object: &messages.Object{Spec: &messages.Object_Scheduler{Scheduler: &messages.Scheduler{Strategy: "EFFICIENT"}}}})
	w.do(processor("p", 4, "f"))
	if w.deployed() != "p@a=4" {
		t.Errorf("EFFICIENT: %s", w.deployed())
	}
	w.do(&messages.Update{Kind: messages.Kind_KIND_NODE, Name: "a", Fields: []string{"enabled"}, Object: &messages.Object{}})
	if w.deployed() != "p@b=4" {
		t.Errorf("node a not enabled: %s", w.deployed())
	}
	w.set("p", &messages.Processor{Hostname: "b"}, "processor.hostname")
	if got := len(Candidates(w.state, "node-a")) + 10*len(Candidates(w.state, "node-b")); got != 10 {
		t.Errorf("candidates: %d", got)
	}
	assigned := Assignments(w.state, "node-b")
	if len(assigned) != 1 || assigned[0].Processor.Name != "p" || assigned[0].Deployment.GetDeployment().Cpus != 4 {
		t.Errorf("assignments: %v", assigned)
	}
}

// TestProcessorThatIsPausedBeforeItRanLeavesItsCPUs: nothing runs there that has
// to go on, and others wait.
func TestProcessorThatIsPausedBeforeItRanLeavesItsCPUs(t *testing.T) {
	w := founded(t, 1)
	w.do(processor("p", 1, "f"))
	w.do(processor("q", 1, "f"))
	w.ask("p", Paused)
	if got := w.deployed(); got != "q@a=1" {
		t.Errorf("deployed is %s, want q alone", got)
	}
	w.ask("q", Paused)
	w.ask("p", Running)
	w.reports("a", "p", Running, 1, "")
	w.ask("p", Paused)
	if got := w.deployed(); got != "p@a=1" {
		t.Errorf("deployed is %s, want p, which has run", got)
	}
}
