package source

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestOverrideTakesTheFunctionsPlace(t *testing.T) {
	r := newRepository(t, map[string]string{"pkg/m.py": "def one(a): return a\n\ndef two(): pass\n"})
	commit := r.commit("x", nil)
	p := r.processor("pkg.m")
	p.Overrides = []*messages.Override{{Function: "one", Code: "def one(a, b=2):\n    return b\n"}, {Function: "three", Code: "import os\ndef three(): pass", Mixin: true}}
	got, functions, err := newSource(t).Inspect(context.Background(), p)
	if err != nil || got != messages.PinnedCommit(commit, p.Overrides) || messages.RepositoryCommit(got) != commit || got == commit {
		t.Fatalf("%s, %v", got, err)
	}
	if len(functions) != 3 || len(functions[0].Parameters) != 2 || functions[0].Source == "" || functions[0].Code != p.Overrides[0].Code || functions[1].Code != "" || !functions[2].Mixin {
		t.Errorf("functions %v", functions)
	}
	p.ResolvedCommit = got
	e, err := newSource(t).Prepare(context.Background(), p, nil)
	if err != nil || e.Commit != commit || len(e.Overrides) != 2 {
		t.Errorf("environment %+v, %v", e, err)
	}
}

func TestBadOverridesAreRefused(t *testing.T) {
	r := newRepository(t, map[string]string{"pkg/m.py": "def one(a): return a\n"})
	r.commit("x", nil)
	for _, test := range []struct {
		override *messages.Override
		kind     messages.KindError
		says     string
	}{
		{&messages.Override{Function: "one", Code: "x = 1\ndef one(:\n    pass"}, messages.Invalid, "line 2"},
		{&messages.Override{Function: "one", Code: "def other(): pass"}, messages.Invalid, "other"},
		{&messages.Override{Function: "one", Code: "def one(): pass\ndef other(): pass"}, messages.Invalid, "no other"},
		{&messages.Override{Function: "one", Code: "1 + 1"}, messages.Invalid, "must define"},
		{&messages.Override{Function: "new", Code: "def new(): pass"}, messages.NotFound, "no such function"},
		{&messages.Override{Function: "one", Code: "def one(): pass", Mixin: true}, messages.Conflict, "already"},
		{&messages.Override{Function: "one", Code: "#" + strings.Repeat("x", messages.MaxCode)}, messages.Invalid, "the most"},
	} {
		p := r.processor("pkg.m")
		p.Overrides = []*messages.Override{test.override}
		if _, _, err := newSource(t).Inspect(context.Background(), p); !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%.40q: %v, want one that says %q", test.override.Code, err, test.says)
		}
	}
}
