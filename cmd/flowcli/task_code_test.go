package main

import (
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// taskIn is a fake network with one task in it, whose new code starts as
// statuses say.
func taskIn(statuses ...*messages.Object) *fake {
	f := processorIn(1)
	f.add(&messages.Object{Name: "proc1.do_this", Kind: messages.Kind_KIND_TASK,
		Spec: &messages.Object_Task{Task: &messages.Task{Processor: "proc1", Function: "do_this"}}})
	f.statuses = statuses
	return f
}

const otherText = "def do_this(message): return message"

func pendingCode(message string) *messages.Object {
	o := becoming("running", message)
	o.Spec = &messages.Object_Processor{Processor: &messages.Processor{ResolvedCommit: "c+2", Serving: &messages.Code{Commit: "c"}}}
	return o
}

func TestTaskCodeWaitsUntilItRuns(t *testing.T) {
	s := newShell(t, taskIn(pendingCode("updating to commit c+2"), becoming("running", "")))
	r := s.run("task", "code", "proc1.do_this", "-d", otherText)
	if r.code != 0 || r.err != "processor proc1: running: updating to commit c+2\nprocessor proc1: running\n" || !strings.Contains(r.out, ":proc1:") {
		t.Errorf("exit code %d, stdout %q, stderr %q", r.code, r.out, r.err)
	}
}

func TestTaskCodeThatDoesNotStartFails(t *testing.T) {
	f := taskIn(pendingCode("update to commit c+2 failed on a; commit c runs on:\nNameError: x"))
	f.related = []*messages.Object{{Kind: messages.Kind_KIND_DEPLOYMENT, Spec: &messages.Object_Deployment{Deployment: &messages.Deployment{NextStatus: "failed"}}}}
	complains(t, newShell(t, f).run("task", "code", "proc1.do_this", "-d", otherText), 1, "what ran before runs on", "NameError: x")
}

func TestTaskCodeNeedNotWait(t *testing.T) {
	s := newShell(t, taskIn(pendingCode("updating to commit c+2")))
	if r := s.run("task", "code", "proc1.do_this", "-d", otherText, "--no-wait"); r.code != 0 {
		t.Error(r.err)
	}
	complains(t, s.run("task", "code", "proc1.do_this", "-d", otherText, "--timeout", "50ms"), 6, "it cannot run yet", "updating to commit c+2")
}

func TestTaskCodeDoesNotWaitForWhatIsStopped(t *testing.T) {
	f := taskIn(pendingCode(""))
	p, _ := f.find(messages.Kind_KIND_PROCESSOR, "proc1")
	p.RequestedStatus = "stopped"
	if r := newShell(t, f).run("task", "code", "proc1.do_this", "-d", otherText); r.code != 0 {
		t.Error(r.err)
	}
}
