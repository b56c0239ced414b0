//go:build e2e

package chaos

import (
	"fmt"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// TestCodeOverride puts a text in the place of a function of the repository,
// mixes another one in, refuses what is wrong, and goes back.
func TestCodeOverride(t *testing.T) {
	l := newLab(t, 1)
	l.processor("p", "-c", "1")
	socket := l.socket("p", "do_this")
	l.gives(socket, `["x"]`, `"Do this String: x"`)
	first := l.run(socket, `["x"]`, "finished").GetCommit()

	l.cli("task", "code", "p.do_this", "-d", "def do_this(message, *args):\n    return do_something(message).lower()")
	l.until("the text to run", soon, func() bool { return l.run(socket, `["x"]`, "finished").GetResult() == `"text:x"` })
	if commit := l.run(socket, `["x"]`, "finished").GetCommit(); !strings.HasPrefix(commit, first+"+") {
		t.Errorf("the call ran commit %s, want one that begins with %s+", commit, first)
	}
	if out := l.cli("task", "code", "p.do_this"); !strings.Contains(out, "lower()") {
		t.Errorf("task code prints\n%s", out)
	}
	if out := l.cli("ls", "task", "p.do_this"); !strings.Contains(out, "override") {
		t.Errorf("ls task prints\n%s", out)
	}

	code := func() string {
		p := l.list(messages.Kind_KIND_PROCESSOR, "")[0].GetProcessor()
		return fmt.Sprint(p.GetResolvedCommit(), p.GetOverrides(), p.GetServing())
	}
	before := code()
	for _, row := range []struct{ want, code string }{
		{"line 1", "def do_this(:\n    pass"}, {"no other", "def other():\n    pass"}, {"no other", "def do_this():\n    pass\ndef more():\n    pass"},
	} {
		out := try(t, l.w, strings.Join(l.w.Addresses(), ","), "", "task", "code", "p.do_this", "-d", row.code)
		if out.Code == 0 || !strings.Contains(out.Stderr, row.want) {
			t.Errorf("%q: exit code %d, %s", row.code, out.Code, out.Stderr)
		}
	}
	if after := code(); after != before {
		t.Errorf("what was refused has changed the processor from\n%s\nto\n%s", before, after)
	}

	l.cli("task", "code", "p.shout", "--mixin", "-d", "def shout(message):\n    return do_this(message).upper()")
	l.until("the task that is mixed in", soon, func() bool { return strings.Contains(l.cli("ls", "tasks"), "p.shout") })
	l.gives(l.socket("p", "shout"), `["x"]`, `"TEXT:X"`)

	l.cli("task", "code", "p.do_this", "--remove")
	l.until("the repository's function to run", soon, func() bool { return l.run(socket, `["x"]`, "finished").GetResult() == `"Do this String: x"` })
}
