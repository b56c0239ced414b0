package source

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/elasticcode/flow/messages"
)

const sample = `# -*- coding: utf-8 -*-
"""A module that must never be run by reading it."""
raise SystemExit("it was run")

@decorator(option="é")
def first(a, /, b, c=(1, 2), *args, d, e="x", **named):
    """Says é.

    And more.
    """
    return a

async def second(): pass

def _hidden(): pass

class Thing:
    def method(self): pass

def second(one): return one

lambda_ = lambda x: x
`

func TestInspectReadsSignaturesWithoutRunningTheModule(t *testing.T) {
	r := newRepository(t, map[string]string{"pkg/sample.py": sample})
	commit := r.commit("x", nil)
	got, functions, err := newSource(t).Inspect(context.Background(), r.processor("pkg.sample"))
	if err != nil || got != commit {
		t.Fatalf("%s %v, want %s", got, err, commit)
	}
	if len(functions) != 2 || functions[0].GetName() != "first" || functions[1].GetName() != "second" {
		t.Fatalf("functions %v", functions)
	}
	want := `a POSITIONAL_ONLY false ; b POSITIONAL_OR_KEYWORD false ; c POSITIONAL_OR_KEYWORD true (1, 2); args VAR_POSITIONAL false ; ` +
		`d KEYWORD_ONLY false ; e KEYWORD_ONLY true "x"; named VAR_KEYWORD false ; `
	text := ""
	for _, p := range functions[0].GetParameters() {
		text += fmt.Sprint(p.GetName(), " ", p.GetKind(), " ", p.GetHasDefault(), " ", p.GetDefaultText(), "; ")
	}
	if text != want {
		t.Errorf("parameters\n%s\nwant\n%s", text, want)
	}
	if f := functions[0]; f.GetDoc() != "Says é.\n\nAnd more." || f.GetSource()[:10] != "@decorator" {
		t.Errorf("doc %q source %q", f.GetDoc(), f.GetSource())
	}
	if p := functions[1].GetParameters(); len(p) != 1 || p[0].GetName() != "one" {
		t.Errorf("a function defined again has parameters %v", p)
	}
}

func TestModuleIsFoundWherePythonWouldLook(t *testing.T) {
	r := newRepository(t, map[string]string{
		"top.py": "", "pkg/__init__.py": "", "pkg/sub.py": "", "src/laid/out.py": "", "deep/down/far/away.py": "",
		"one/twice.py": "", "two/twice.py": "", "scripts/odd-name.py": "",
	})
	s := newSource(t)
	for _, c := range []struct {
		module, path     string
		name, root, file string // of the environment: name, directory that is searched, file
	}{
		{"top", "", "top", "", ""},
		{"pkg", "", "pkg", "", ""},
		{"pkg.sub", "", "pkg.sub", "", ""},
		{"laid.out", "", "laid.out", "src", ""},
		{"far.away", "", "far.away", "deep/down", ""},
		{"far.away", "deep/down/far/away.py", "far.away", "deep/down", ""},
		{"twice", "two/twice.py", "twice", "two", ""},
		{"", "pkg/sub.py", "pkg.sub", "", ""},
		{"", "scripts/odd-name.py", "odd_name", "", "scripts/odd-name.py"},
		{"mine", "scripts/odd-name.py", "mine", "", "scripts/odd-name.py"},
	} {
		p := r.processor(c.module)
		p.Modulepath = c.path
		e, err := s.Prepare(context.Background(), p, nil)
		if err != nil || e.Module != c.name || e.ModulePath != c.file || e.Paths[0] != filepath.Join(e.Dir, c.root) {
			t.Errorf("module %q path %q: %+v %v", c.module, c.path, e, err)
		}
	}
	_, err := s.Prepare(context.Background(), r.processor("twice"), nil)
	refused(t, err, messages.Invalid, "several", "one/twice.py, two/twice.py")
}

func TestCheckoutStaysInItsDirectory(t *testing.T) {
	outside := t.TempDir()
	r := newRepository(t, map[string]string{"m.py": "", "link": "-> " + outside, "inner": "-> m.py"})
	e, err := newSource(t).Prepare(context.Background(), r.processor("m"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(filepath.Join(e.Dir, "inner")); err != nil || target != "m.py" {
		t.Errorf("link to %s, %v", target, err)
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("outside there is %v, %v", entries, err)
	}
}
