//go:build e2e

package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// updated waits until a processor runs the code that is asked for.
func (l *lab) updated(name string) {
	l.t.Helper()
	l.until("processor "+name+" to run the new code", soon, func() bool {
		o := l.get(messages.Kind_KIND_PROCESSOR, name)
		return o.GetStatus() == "running" && o.GetProcessor().GetServing() == nil
	})
}

func (l *lab) get(kind messages.Kind, name string) *messages.Object {
	l.t.Helper()
	r, err := l.c.Get(l.t.Context(), kind, name)
	if err != nil {
		l.t.Fatalf("get %s: %v", name, err)
	}
	return r.GetObject()
}

// refused waits until a processor says why the new code does not run.
func (l *lab) refused(name, why string) {
	l.t.Helper()
	l.until("processor "+name+" to say: "+why, soon, func() bool {
		o := l.get(messages.Kind_KIND_PROCESSOR, name)
		return o.GetStatus() == "running" && o.GetProcessor().GetServing() != nil && strings.Contains(o.GetMessage(), why)
	})
}

// TestCodeThatDoesNotStartReplacesNothing: a commit that does not import, and a
// requirement that cannot be had, while calls go on; then repaired ones.
func TestCodeThatDoesNotStartReplacesNothing(t *testing.T) {
	l := newLab(t, 2, "--cpus", "2")
	module := func(text string) { l.commit(l.repository, "changing.py", text) }
	work := func(n int) string { return fmt.Sprintf("def which():\n    return %d\n", n) }
	module(work(1))
	spawn := []string{"spawn", "-g", l.repository, "-m", "changing", "-n", "c", "-w", "4"}
	l.cli(spawn...)
	l.gives("changing.which", "", "1")

	module("import nothing_of_that_name\n" + work(2))
	out := try(t, l.w, l.w.Nodes[1].Address(), "", spawn...)
	if out.Code != 1 || !strings.Contains(out.Stderr, "nothing_of_that_name") || !strings.Contains(out.Stderr, "what ran before runs on") {
		t.Errorf("spawn ends with %d and says\n%s", out.Code, out.Stderr)
	}
	l.refused("c", "nothing_of_that_name")
	l.gives("changing.which", "", "1")
	shown := l.cli("ls", "processors")
	if !strings.Contains(shown, "nothing_of_that_name") || !strings.Contains(shown, ", next ") {
		t.Errorf("ls processors:\n%s", shown)
	}

	// A node that comes later has to build what serves, not what was refused.
	l.cli("proc", "stop", "c")
	l.processorIs("c", "stopped")
	l.cli("proc", "start", "c")
	l.gives("changing.which", "", "1")

	module(work(3) + "\ndef fresh():\n    return 4\n")
	l.cli(spawn...)
	l.gives("changing.which", "", "3")
	l.gives("changing.fresh", "", "4")

	requirements := filepath.Join(t.TempDir(), "requirements.txt")
	if err := os.WriteFile(requirements, []byte("--index-url http://127.0.0.1:1/\nno-such-package-at-all==1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	l.cli("update", "processor", "-n", "c", "-rq", requirements)
	l.refused("c", "no-such-package-at-all")
	l.gives("changing.which", "", "3")
	if err := os.WriteFile(requirements, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	l.cli("update", "processor", "-n", "c", "-rq", requirements)
	l.updated("c")
	l.gives("changing.which", "", "3")
}

// TestFailedBuildHoldsNoCPU: another processor gets all there are.
func TestFailedBuildHoldsNoCPU(t *testing.T) {
	l := newLab(t, 1, "--cpus", "2")
	broken, err := MakeRepository(t.Context(), "../../examples/processors", filepath.Join(t.TempDir(), "broken"))
	if err != nil {
		t.Fatal(err)
	}
	l.commit(broken, "setup.py", "from setuptools import setup\nraise SystemExit('no such compiler: fortran-2042')\n")
	l.cli("add", "processor", "-n", "broken", "-g", broken, "-m", sample, "-w", "2")
	l.processor("good", "-w", "2")
	l.processorIs("broken", "failed")
	l.slots("good", 2, map[string]int{"n1": 2})
	l.commit(broken, "setup.py", "from setuptools import setup\nsetup(name='repaired', version='1')\n")
	l.cli("proc", "restart", "broken")
	l.processorIs("broken", "running")
}
