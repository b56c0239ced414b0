package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write golden files and the manual anew")

// shell runs flowcli against a fake network, as a shell would.
type shell struct {
	t       *testing.T
	fake    *fake
	address string
	env     map[string]string
	columns int // of the terminal; 0: none
}

func newShell(t *testing.T, f *fake) *shell {
	s := &shell{t: t, fake: f, address: f.serve(t)}
	s.env = map[string]string{"FLOW_API": s.address}
	return s
}

// ran is what came of one run.
type ran struct {
	code     int
	out, err string
}

func (s *shell) run(args ...string) ran { return s.pipe("", args...) }

// pipe runs with something on stdin.
func (s *shell) pipe(stdin string, args ...string) ran {
	return s.runWith(s.t.Context(), strings.NewReader(stdin), args...)
}

func (s *shell) runWith(ctx context.Context, stdin io.Reader, args ...string) ran {
	s.t.Helper()
	var out, err bytes.Buffer
	code := run(ctx, args, world{
		in: stdin, out: &out, err: &err,
		getenv:   func(name string) string { return s.env[name] },
		user:     func() string { return "joe" },
		live:     func() ([]string, error) { return nil, nil },
		patience: 50 * time.Millisecond,
		columns:  func() int { return s.columns },
		told:     10 * time.Millisecond,
	})
	return ran{code, out.String(), err.String()}
}

// golden compares with a file below testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s\n%v", name, got, want, err)
	}
}

func wants(t *testing.T, r ran, code int, out string) {
	t.Helper()
	if r.code != code || r.out != out {
		t.Errorf("exit %d with %q on stdout and %q on stderr; want exit %d with %q", r.code, r.out, r.err, code, out)
	}
}

func complains(t *testing.T, r ran, code int, words ...string) {
	t.Helper()
	if r.code != code || r.out != "" {
		t.Errorf("exit %d with %q on stdout; want exit %d and nothing: %s", r.code, r.out, code, r.err)
	}
	for _, word := range words {
		if !strings.Contains(r.err, word) {
			t.Errorf("stderr lacks %q: %s", word, r.err)
		}
	}
}
