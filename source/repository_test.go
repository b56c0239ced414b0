package source

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/elasticcode/flow/messages"
)

// repository is a git repository in a test's directory.
type repository struct {
	t    testing.TB
	dir  string
	git  *git.Repository
	when time.Time
}

func newRepository(t testing.TB, files map[string]string) *repository {
	t.Helper()
	dir := t.TempDir()
	g, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: "refs/heads/main"}})
	if err != nil {
		t.Fatal(err)
	}
	r := &repository{t: t, dir: dir, git: g, when: time.Unix(1700000000, 0)}
	r.commit("first", files)
	return r
}

// commit writes files, commits them and gives the commit's hash.
func (r *repository) commit(message string, files map[string]string) string {
	r.t.Helper()
	work, err := r.git.Worktree()
	if err != nil {
		r.t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			r.t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			r.t.Fatal(err)
		}
		if _, err := work.Add(name); err != nil {
			r.t.Fatal(err)
		}
	}
	r.when = r.when.Add(time.Second)
	author := &object.Signature{Name: "test", Email: "test@localhost", When: r.when}
	h, err := work.Commit(message, &git.CommitOptions{Author: author, AllowEmptyCommits: true})
	if err != nil {
		r.t.Fatal(err)
	}
	return h.String()
}

func (r *repository) branch(name string) {
	r.t.Helper()
	work, err := r.git.Worktree()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := work.Checkout(&git.CheckoutOptions{Branch: plumbing.NewBranchReferenceName(name), Create: true}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) tag(name, commit string, annotated bool) {
	r.t.Helper()
	var options *git.CreateTagOptions
	if annotated {
		options = &git.CreateTagOptions{Tagger: &object.Signature{Name: "test", Email: "test@localhost", When: r.when}, Message: name}
	}
	if _, err := r.git.CreateTag(name, plumbing.NewHash(commit), options); err != nil {
		r.t.Fatal(err)
	}
}

func newSource(t testing.TB) *Source {
	t.Helper()
	s, err := New(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (r *repository) processor(module string) *messages.Processor {
	return &messages.Processor{Gitrepo: "file://" + r.dir, Module: module}
}

// refused checks that an error is of a kind and holds texts.
func refused(t testing.TB, err error, kind messages.KindError, texts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", texts)
		return
	}
	if got := messages.InfoOf(err).GetKind(); messages.KindError(got) != kind {
		t.Errorf("%q is of kind %s, want %s", err, got, messages.ErrorKind(kind))
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %q", err, text)
		}
	}
}

func TestReferenceNamesACommit(t *testing.T) {
	r := newRepository(t, map[string]string{"m.py": "def f(): pass\n"})
	first := r.commit("second", nil)
	r.tag("v1", first, false)
	r.tag("v1-annotated", first, true)
	last := r.commit("third", nil)
	r.branch("topic/one")
	topic := r.commit("fourth", nil)
	s := newSource(t)
	for name, c := range map[string]struct {
		p    *messages.Processor
		want string
	}{
		"branch":        {&messages.Processor{Branch: "main"}, last},
		"other branch":  {&messages.Processor{Branch: "topic/one"}, topic},
		"default":       {&messages.Processor{}, topic}, // HEAD of the repository
		"tag":           {&messages.Processor{Gittag: "v1"}, first},
		"annotated tag": {&messages.Processor{Gittag: "v1-annotated"}, first},
		"commit":        {&messages.Processor{Commit: first}, first},
		"seven digits":  {&messages.Processor{Commit: strings.ToUpper(last[:7])}, last},
		"commit first":  {&messages.Processor{Commit: first, Branch: "main", Gittag: "none"}, first},
	} {
		for _, address := range []string{"file://" + r.dir, r.dir, "git+file://" + r.dir + "#egg=name"} {
			c.p.Gitrepo = address
			if got, err := s.Resolve(context.Background(), c.p); err != nil || got != c.want {
				t.Errorf("%s of %s: %s %v, want %s", name, address, got, err, c.want)
			}
		}
	}
}

func TestMirrorFollowsItsRepository(t *testing.T) {
	r := newRepository(t, map[string]string{"m.py": ""})
	s := newSource(t)
	p := r.processor("m")
	if _, err := s.Resolve(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	want := r.commit("more", nil)
	if got, err := s.Resolve(context.Background(), p); err != nil || got != want {
		t.Errorf("after a commit: %s %v, want %s", got, err, want)
	}
	// History is rewritten, and a branch goes.
	first, err := r.git.ResolveRevision("HEAD~1")
	if err != nil {
		t.Fatal(err)
	}
	r.branch("gone")
	if _, err := s.Resolve(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	work, err := r.git.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []*plumbing.Reference{plumbing.NewSymbolicReference("HEAD", "refs/heads/main"), plumbing.NewHashReference("refs/heads/main", *first)} {
		if err := r.git.Storer.SetReference(ref); err != nil {
			t.Fatal(err)
		}
	}
	if err := work.Reset(&git.ResetOptions{Mode: git.HardReset, Commit: *first}); err != nil {
		t.Fatal(err)
	}
	if err := r.git.Storer.RemoveReference("refs/heads/gone"); err != nil {
		t.Fatal(err)
	}
	want = r.commit("instead", nil)
	if got, err := s.Resolve(context.Background(), p); err != nil || got != want {
		t.Errorf("after a rewrite: %s %v, want %s", got, err, want)
	}
	p.Branch = "gone"
	_, err = s.Resolve(context.Background(), p)
	refused(t, err, messages.NotFound, "it has no branch gone")
}

func TestPinnedCommitNeedsNoRepository(t *testing.T) {
	r := newRepository(t, map[string]string{"m.py": "def f(): pass\n"})
	s := newSource(t)
	p := r.processor("m")
	commit, _, err := s.Inspect(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(r.dir, r.dir+"-moved"); err != nil {
		t.Fatal(err)
	}
	p.ResolvedCommit = commit
	if _, err := s.Prepare(context.Background(), p, nil); err != nil {
		t.Errorf("a commit that is here cannot be prepared: %v", err)
	}
}

func TestDetachedHeadIsTheDefault(t *testing.T) {
	r := newRepository(t, map[string]string{"m.py": ""})
	tip := r.commit("second", nil)
	first, err := r.git.ResolveRevision("HEAD~1")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.git.Storer.SetReference(plumbing.NewHashReference("HEAD", plumbing.NewHash(tip))); err != nil {
		t.Fatal(err)
	}
	s := newSource(t)
	if got, err := s.Resolve(context.Background(), r.processor("m")); err != nil || got != tip {
		t.Errorf("%s %v, want %s", got, err, tip)
	}
	if err := r.git.Storer.SetReference(plumbing.NewHashReference("HEAD", *first)); err != nil {
		t.Fatal(err)
	}
	_, err = s.Resolve(context.Background(), r.processor("m"))
	refused(t, err, messages.Invalid, "HEAD is detached", "check out a branch")
}

func TestBrokenMirrorIsMadeAnew(t *testing.T) {
	r := newRepository(t, map[string]string{"m.py": "def f(): pass\n"})
	s := newSource(t)
	p := r.processor("m")
	if _, err := s.Resolve(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	packs, err := filepath.Glob(filepath.Join(s.config.Dir, "mirrors", "*", "objects", "pack", "*"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("packs %v %v", packs, err)
	}
	for _, file := range packs {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	if _, functions, err := s.Inspect(context.Background(), p); err != nil || len(functions) != 1 {
		t.Errorf("%v %v", functions, err)
	}
}

func TestWhatIsNotThereIsToldWithWhatIs(t *testing.T) {
	r := newRepository(t, map[string]string{"pyfi/processors/sample.py": "", "other.py": "", "broken.py": "x = 1\ndef f(:\n  pass\n"})
	commit := r.commit("the last change", nil)
	r.tag("v1.0", commit, false)
	r.branch("develop")
	empty := t.TempDir()
	if _, err := git.PlainInit(empty, false); err != nil {
		t.Fatal(err)
	}
	s := newSource(t)
	for name, c := range map[string]struct {
		change func(p *messages.Processor)
		kind   messages.KindError
		says   []string
	}{
		"branch":      {func(p *messages.Processor) { p.Branch = "devel" }, messages.NotFound, []string{"no branch devel", "there are: develop, main", r.dir}},
		"tag":         {func(p *messages.Processor) { p.Gittag = "v1" }, messages.NotFound, []string{"no tag v1", "there are: v1.0"}},
		"commit":      {func(p *messages.Processor) { p.Commit = "0123456" }, messages.NotFound, []string{"no commit 0123456", commit[:10] + " the last change"}},
		"full commit": {func(p *messages.Processor) { p.Commit = strings.Repeat("0", 40) }, messages.NotFound, []string{"no commit 0000"}},
		"no commit":   {func(p *messages.Processor) { p.Commit = "main" }, messages.Invalid, []string{`"main" is not a commit`}},
		"module":      {func(p *messages.Processor) { p.Module = "pyfi.processors.sampel" }, messages.NotFound, []string{"pyfi.processors.sampel", "there are: pyfi.processors.sample, "}},
		"no module":   {func(p *messages.Processor) { p.Module = "" }, messages.Invalid, []string{"no module was given"}},
		"module name": {func(p *messages.Processor) { p.Module = "../x" }, messages.Invalid, []string{"dotted name"}},
		"file":        {func(p *messages.Processor) { p.Modulepath = "samples.py" }, messages.NotFound, []string{"samples.py", "there are: pyfi/processors/sample.py"}},
		"syntax":      {func(p *messages.Processor) { p.Module = "broken" }, messages.Invalid, []string{"broken.py", "line 2", "def f(:"}},
		"path":        {func(p *messages.Processor) { p.Gitrepo = "/nowhere/at/all" }, messages.NotFound, []string{"/nowhere/at/all", "no such file", "check the path"}},
		"no git":      {func(p *messages.Processor) { p.Gitrepo = t.TempDir() }, messages.NotFound, []string{"not a git repository"}},
		"empty":       {func(p *messages.Processor) { p.Gitrepo = empty }, messages.Invalid, []string{"empty"}},
		"nothing":     {func(p *messages.Processor) { p.Gitrepo = "" }, messages.Invalid, []string{"no repository was given"}},
		"relative":    {func(p *messages.Processor) { p.Gitrepo = "here/there" }, messages.Invalid, []string{"absolute path"}},
		"scheme":      {func(p *messages.Processor) { p.Gitrepo = "ftp://host/path" }, messages.Invalid, []string{"ftp is not"}},
		"python":      {func(p *messages.Processor) { p.Python = "python2.nothing" }, messages.NotFound, []string{"python2.nothing"}},
		"unreachable": {func(p *messages.Processor) { p.Gitrepo = "https://name:secret-word@127.0.0.1:1/x.git" }, messages.Unavailable, []string{"https://127.0.0.1:1/x.git", "refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := r.processor("other")
			c.change(p)
			_, _, err := s.Inspect(context.Background(), p)
			refused(t, err, c.kind, c.says...)
			if err != nil && strings.Contains(err.Error(), "secret-word") {
				t.Errorf("%v shows a credential", err)
			}
		})
	}
}

func TestCredentialsAreNeverShown(t *testing.T) {
	for text, want := range map[string]string{
		"https://name:pass%20word@host/x.git": "https://host/x.git",
		"https://token@host/x.git":            "https://host/x.git",
		"ssh://git:secret@host:22/x.git":      "ssh://git@host:22/x.git",
		"git@host:x/y.git":                    "git@host:x/y.git",
		"https://host/x.git#egg=x":            "https://host/x.git",
	} {
		a, err := parseAddress(text)
		if err != nil || a.shown != want {
			t.Errorf("%s is shown as %s, %v, want %s", text, a.shown, err, want)
		}
		hidden := a.hide("cannot get " + a.url + " as name with pass word, pass%20word, pass+word, token or secret")
		for _, secret := range a.secrets {
			if strings.Contains(hidden, secret) {
				t.Errorf("%s: %s shows %s", text, hidden, secret)
			}
		}
	}
	_, err := parseAddress("https://name:secret@ho st/x")
	refused(t, err, messages.Invalid)
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%v shows a credential", err)
	}
	a, _ := parseAddress("https://one:two@host/x")
	b, _ := parseAddress("https://host/x")
	if a.key() == b.key() {
		t.Error("who has no credentials reads the mirror of who has")
	}
}

func TestOnlyAdmittedRepositoriesAreRead(t *testing.T) {
	r := newRepository(t, map[string]string{"m.py": ""})
	for _, c := range []struct {
		allow, deny []string
		kind        messages.KindError // 0: admitted
	}{
		{nil, nil, 0},
		{[]string{"file://" + filepath.Dir(r.dir) + "/*"}, nil, 0},
		{[]string{"https://host/*", "file:///*"}, nil, 0},
		{[]string{"https://host/*"}, nil, messages.Denied},
		{nil, []string{"*" + filepath.Base(r.dir)}, messages.Denied},
		{[]string{"*"}, []string{"file:*"}, messages.Denied},
		{[]string{filepath.Dir(r.dir)}, nil, messages.Denied},
	} {
		s, err := New(Config{Dir: t.TempDir(), Allow: c.allow, Deny: c.deny})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Resolve(context.Background(), r.processor("m"))
		if c.kind == 0 && err != nil {
			t.Errorf("allow %v deny %v: %v", c.allow, c.deny, err)
		} else if c.kind != 0 {
			refused(t, err, c.kind, r.dir)
		}
	}
}
