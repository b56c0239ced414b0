package main

import (
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// becoming is a processor on its way to a status.
func becoming(status, message string) *messages.Object {
	return &messages.Object{Name: "proc1", Kind: messages.Kind_KIND_PROCESSOR, Status: status, RequestedStatus: "running", Message: message}
}

func TestSpawnMakesEverythingAndWaits(t *testing.T) {
	f := &fake{functions: []string{"do_this", "do_something", "_private"}}
	f.statuses = []*messages.Object{becoming("starting", "building environment\ninstalling numpy"), becoming("running", "")}
	s := newShell(t, f)
	r := s.run("spawn", "-g", repo, "-m", "my.module", "-n", "proc1", "-c", "4", "-br", "main")
	wants(t, r, 0, "my.module.do_this\nmy.module.do_something\n")
	for _, says := range []string{"module my.module at commit 0123456789ab", "queue proc1: added", "processor proc1: added", "processor proc1: starting: building environment: installing numpy", "processor proc1: running"} {
		if !strings.Contains(r.err, says) {
			t.Errorf("stderr lacks %q: %s", says, r.err)
		}
	}
	p, _ := f.find(messages.Kind_KIND_PROCESSOR, "proc1")
	if x := p.GetProcessor(); x.GetConcurrency() != 4 || x.Branch != "main" || p.Owner != "joe" {
		t.Errorf("processor: %v", p)
	}
	socket, err := f.find(messages.Kind_KIND_SOCKET, "my.module.do_this")
	if err != nil || socket.GetSocket().Queue != "proc1" || socket.GetSocket().Function != "do_this" {
		t.Errorf("socket: %v, %v", socket, err)
	}
}

func TestSecondSpawnUpdates(t *testing.T) {
	f := &fake{functions: []string{"do_this"}}
	f.statuses = []*messages.Object{becoming("running", "")}
	s := newShell(t, f)
	s.run("spawn", "-g", repo, "-m", "my.module", "-n", "proc1")
	f.functions = []string{"do_that"}
	again := []string{"spawn", "-g", "https://joe:token@example.org/pyfi-processors", "-m", "my.module", "-n", "proc1", "-w", "3"}
	complains(t, s.run(again...), 4, "my.module.do_this", "nothing was changed", "--prune", "flowcli delete socket my.module.do_this")
	for _, m := range f.asked {
		switch m.(type) {
		case *messages.ControlRequest, *messages.UpdateRequest, *messages.DeleteRequest:
			t.Errorf("it was refused, and yet changed something: %v", m)
		}
	}
	r := s.run(append(again, "--prune")...)
	wants(t, r, 0, "my.module.do_that\n")
	if !strings.Contains(r.err, "socket my.module.do_this: deleted") || strings.Contains(r.err, "token") {
		t.Errorf("stderr: %s", r.err)
	}
	if m := last[*messages.ControlRequest](t, f); m.Action != "restart" || m.Processor != "proc1" {
		t.Errorf("control: %v", m)
	}
	if m := last[*messages.UpdateRequest](t, f); len(m.Fields) != 1 || m.Fields[0] != "processor.concurrency" || m.Object.GetProcessor().Concurrency != 3 {
		t.Errorf("update: %v", m)
	}
}

func TestSpawnThatCannotHaveItsSocketsLeavesNothingBehind(t *testing.T) {
	f := &fake{functions: []string{"do_this", "do_that"}}
	f.statuses = []*messages.Object{becoming("running", "")}
	s := newShell(t, f)
	s.run("spawn", "-g", repo, "-m", "my.module", "-n", "proc1")
	before := len(f.objects)
	complains(t, s.run("spawn", "-g", repo, "-m", "my.module", "-n", "proc2"), 4, "socket my.module.do_that is taken", "processor proc1")
	if len(f.objects) != before {
		t.Errorf("there are %d objects, and were %d before", len(f.objects), before)
	}
}

func TestSpawnLeavesSomebodyElsesProcessorAlone(t *testing.T) {
	f := processorIn(1)
	f.functions = []string{"do_this"}
	s := newShell(t, f)
	complains(t, s.run("spawn", "-g", "https://example.org/other", "-m", "pyfi.processors.sample", "-n", "proc1"), 4, "it exists", "-n")
}

func TestSpawnOfWhatIsNotThereMakesNothing(t *testing.T) {
	s := newShell(t, &fake{})
	complains(t, s.run("spawn", "-g", repo, "-m", "nowhere"), 3, "there is no such module", "there are: pyfi.processors.sample")
	complains(t, s.run("spawn", "-g", repo), 2, "-m/--module")
	if len(s.fake.objects) > 0 {
		t.Errorf("made: %v", s.fake.objects)
	}
}

func TestSpawnOfABuildThatFails(t *testing.T) {
	f := &fake{functions: []string{"do_this"}}
	f.statuses = []*messages.Object{becoming("starting", ""), becoming("failed", "error: metadata-generation-failed\nsetup.py: no such compiler")}
	s := newShell(t, f)
	complains(t, s.run("spawn", "-g", repo, "-m", "my.module", "-n", "proc1"), 1, "processor proc1 failed:", "setup.py: no such compiler")
}

func TestSpawnOfAnUpdateThatDoesNotStartFails(t *testing.T) {
	f := &fake{functions: []string{"do_this"}}
	f.statuses = []*messages.Object{becoming("running", "")}
	s := newShell(t, f)
	s.run("spawn", "-g", repo, "-m", "my.module", "-n", "proc1")
	pending := becoming("running", "update to commit c2 failed on a; commit c1 runs on:\nImportError: no module named x")
	pending.Spec = &messages.Object_Processor{Processor: &messages.Processor{ResolvedCommit: "c2", Serving: &messages.Code{Commit: "c1"}}}
	f.statuses = []*messages.Object{pending}
	f.related = []*messages.Object{{Kind: messages.Kind_KIND_DEPLOYMENT, Spec: &messages.Object_Deployment{Deployment: &messages.Deployment{NextStatus: "failed"}}}}
	complains(t, s.run("spawn", "-g", repo, "-m", "my.module", "-n", "proc1"), 1, "the update of processor proc1 failed, and what ran before runs on", "ImportError")
}

func TestListShowsBothCommitsAndWhy(t *testing.T) {
	f := processorIn(1)
	p := f.objects[0]
	p.GetProcessor().Serving = &messages.Code{Commit: "fedcba9876543210fedcba9876543210fedcba98"}
	p.Message = "update to commit 0123456789ab failed on a; commit fedcba987654 runs on:\nTraceback\nImportError: x"
	r := newShell(t, f).run("ls", "processors")
	for _, says := range []string{"fedcba987654, next 0123456789ab", "proc1: running: update to commit 0123456789ab failed on a; commit fedcba987654 runs on: ImportError: x\n"} {
		if !strings.Contains(r.out, says) {
			t.Errorf("it lacks %q:\n%s", says, r.out)
		}
	}
}

func TestSpawnGivesUpAfterItsTime(t *testing.T) {
	f := &fake{functions: []string{"do_this"}}
	f.statuses = []*messages.Object{becoming("starting", "no node has a free CPU")}
	s := newShell(t, f)
	complains(t, s.run("spawn", "-g", repo, "-m", "my.module", "-n", "proc1", "--timeout", "50ms"), 6, "starting: no node has a free CPU")
	wants(t, s.run("spawn", "-g", repo, "-m", "my.module", "-n", "proc1", "--no-wait"), 0, "my.module.do_this\n")
}
