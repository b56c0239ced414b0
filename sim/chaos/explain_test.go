//go:build e2e

package chaos

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// explained waits until a call's cause is the one that is meant.
func (l *lab) explained(id, cause string) (why *messages.Explanation) {
	l.t.Helper()
	l.until("the cause of call "+id+" is "+cause, soon, func() bool {
		var err error
		why, err = l.c.Explain(l.t.Context(), id)
		return err == nil && why.Cause == cause
	})
	return why
}

// slowly and never are what setup.py begins with.
const (
	slowly = "import time\ntime.sleep(120)\n"
	never  = "raise SystemExit('no such compiler: fortran-2042')\n"
)

// setUp gives a copy of the examples' repository whose setup.py begins so.
func (l *lab) setUp(name, begin string) string {
	l.t.Helper()
	repository, err := MakeRepository(l.t.Context(), "../../examples/processors", filepath.Join(l.t.TempDir(), name))
	if err != nil {
		l.t.Fatal(err)
	}
	l.commit(repository, "setup.py", begin+"from setuptools import setup\nsetup(name='example', version='1')\n")
	return repository
}

// expendable is the node of two that has no vote: the other goes on alone.
func (l *lab) expendable() *Node {
	l.t.Helper()
	info, err := l.c.Network(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	for _, n := range l.w.Nodes {
		if !slices.ContainsFunc(info.Groups, func(g *messages.GroupInfo) bool { return slices.Contains(g.Voters, n.Name) }) {
			return n
		}
	}
	l.t.Fatalf("each node has a vote: %v", info.Groups)
	return nil
}

// TestExplainNamesTheTrueCause: each cause is brought about on one node (of a
// second one only the death matters), and each call names its own; those of TestListenAndExplain aside.
func TestExplainNamesTheTrueCause(t *testing.T) {
	l := newLab(t, 2, "--cpus", "4")
	gone := l.expendable()
	add := func(name, repository string, flags ...string) {
		t.Helper()
		l.cli(append([]string{"add", "processor", "-n", name, "-g", repository, "-m", sample}, flags...)...)
	}
	add("pinned", l.repository, "-h", gone.Name)
	l.socket("pinned", "do_this")
	gone.Kill()
	add("broken", l.setUp("broken", never))
	l.socket("broken", "do_this")
	l.processorIs("broken", "failed")
	add("builds", l.setUp("builds", slowly))
	l.processor("main", "--retries", "3", "--retry-delay", "1h")
	l.processor("other")
	l.processor("still")
	l.processor("shut")
	for _, name := range []string{"builds", "still"} {
		l.socket(name, "do_this")
	}
	l.cli("proc", "pause", "still")
	l.cli("proc", "stop", "shut")
	for _, function := range []string{"fail", "add_two", "sleep_for", "do_something", "emit_one"} {
		l.socket("main", function)
	}
	l.cli("add", "plug", "-n", "to-one", "-q", "q", "-s", "main.emit_one", "-t", "main.add_two", "--argument", "one")
	l.cli("add", "plug", "-n", "to-two", "-q", "q", "-s", "main.do_something", "-t", "main.add_two", "--argument", "two")
	l.socket("other", "sleep_for", "--ordered")
	l.socket("other", "do_something")
	l.cli("add", "queue", "-n", "small", "-t", "direct", "--max-length", "1")
	l.cli("add", "socket", "-n", "shut.do_this", "-q", "small", "-pn", "shut", "-t", "do_this")
	l.cli("add", "plug", "-n", "edge", "-q", "small", "-s", "other.do_something", "-t", "shut.do_this")

	retried := l.submit("main.fail", `"once"`)
	l.explained(retried, "retry")
	full := l.submit("shut.do_this", `"x"`)
	l.explained(full, "stopped")
	blocked := l.submit("other.do_something", `"x"`)
	one := "1"
	arrival, err := l.c.Submit(t.Context(), &messages.RunRequest{Socket: "main.add_two", Named: map[string]string{"one": one}, ToGate: true})
	if err != nil {
		t.Fatal(err)
	}
	runs := l.running("main.sleep_for", "100").Id
	first := l.running("other.sleep_for", "100").Id
	second := l.submit("other.sleep_for", "100")

	for _, c := range []struct {
		id, cause, text string
		check           func(*messages.Explanation) bool
	}{
		{l.submit("broken.do_this", "1"), "build_failed", "fortran-2042", nil},
		{l.submit("builds.do_this", "1"), "building", "building environment", nil},
		{l.submit("still.do_this", "1"), "paused", "paused", nil},
		{l.submit("pinned.do_this", "1"), "host_gone", gone.Name, nil},
		{l.submit("main.do_something", "1"), "turn", "", nil},
		{retried, "retry", "retry in", func(why *messages.Explanation) bool { return why.Until > why.Since && why.Attempt == 2 }},
		{full, "stopped", "stopped", nil},
		{blocked, "blocked", "edge", func(why *messages.Explanation) bool { return why.Plug == "edge" && why.Target == "shut.do_this" }},
		{arrival.Id, "gate", "two", func(why *messages.Explanation) bool { return slices.Equal(why.Missing, []string{"two"}) }},
		{runs, "running", "attempt 1", func(why *messages.Explanation) bool {
			return why.Node != "" && why.Node != gone.Name && why.Attempt == 1
		}},
		{first, "running", "attempt 1", nil},
		{second, "ordered", "", func(why *messages.Explanation) bool { return why.Behind == first }},
	} {
		t.Run(c.cause, func(t *testing.T) {
			why := l.in(t).explained(c.id, c.cause)
			if !strings.Contains(why.Text, c.text) || why.Since == 0 || c.check != nil && !c.check(why) {
				t.Errorf("explained: %v", why)
			}
		})
	}
	t.Run("no_cpu", func(t *testing.T) {
		l := l.in(t)
		var ids []string
		for _, name := range []string{"late1", "late2", "late3"} { // more than there are CPUs left
			l.processor(name)
			ids = append(ids, l.submit(l.socket(name, "do_this"), "1"))
		}
		l.until("a call to wait for a CPU", soon, func() bool {
			return slices.ContainsFunc(ids, func(id string) bool {
				why, err := l.c.Explain(t.Context(), id)
				return err == nil && why.Cause == "no_cpu"
			})
		})
	})
}
