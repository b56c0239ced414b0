package source

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

// offline makes sure that nothing can be fetched by pip or uv.
func offline(t *testing.T) {
	t.Helper()
	t.Setenv("PIP_NO_INDEX", "1")
	t.Setenv("PIP_FIND_LINKS", t.TempDir())
	t.Setenv("UV_OFFLINE", "1")
	t.Setenv("UV_NO_INDEX", "1")
}

// evaluate imports the module of an environment as a worker does, and gives an expression's value.
func evaluate(t *testing.T, e messages.Environment, expression string) string {
	t.Helper()
	code := "import sys; sys.path[0:0] = sys.argv[3:]; import importlib; m = importlib.import_module(sys.argv[1]); print(eval(sys.argv[2]))"
	cmd := exec.Command(e.Interpreter, append([]string{"-I", "-c", code, e.Module, expression}, e.Paths...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestPureRepositoryIsReadyOffline(t *testing.T) {
	offline(t)
	r := newRepository(t, map[string]string{"pkg/m.py": "def f(): return 'it runs'\n", "requirements.txt": "# none\n\n", "pyproject.toml": "[tool.black]\n"})
	s := newSource(t)
	var said []string
	e, err := s.Prepare(context.Background(), r.processor("pkg.m"), func(line string) { said = append(said, line) })
	if err != nil {
		t.Fatal(err)
	}
	if got := evaluate(t, e, "m.f()"); got != "it runs" {
		t.Errorf("got %s", got)
	}
	if !filepath.IsAbs(e.Interpreter) || len(e.Commit) != 40 || !strings.Contains(strings.Join(said, "\n"), "building environment") {
		t.Errorf("environment %+v, progress %q", e, said)
	}
	// An update has another checkout and the same environment.
	commit := r.commit("more", map[string]string{"pkg/m.py": "def f(): return 'more'\n"})
	next, err := s.Prepare(context.Background(), r.processor("pkg.m"), nil)
	if err != nil || next.Commit != commit || next.Interpreter != e.Interpreter || next.Dir == e.Dir {
		t.Errorf("after an update %+v, %v; before %+v", next, err, e)
	}
	if a, b := evaluate(t, e, "m.f()"), evaluate(t, next, "m.f()"); a != "it runs" || b != "more" {
		t.Errorf("the commits give %s and %s", a, b)
	}
}

const plainSetup = `
from setuptools import setup, find_packages
from setuptools.command.build_py import build_py
setup(name="plain", version="1", packages=find_packages("src"), package_dir={"": "src"}, install_requires=[])
`

func TestProjectOfPythonFilesIsReadyOffline(t *testing.T) {
	for name, settings := range map[string]map[string]string{
		"told so":             {},
		"nobody at the index": {"PIP_NO_INDEX": "", "PIP_INDEX_URL": "http://127.0.0.1:1/", "UV_OFFLINE": "", "UV_NO_INDEX": "", "UV_DEFAULT_INDEX": "http://127.0.0.1:1/", "UV_CACHE_DIR": t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			offline(t)
			for name, value := range settings {
				t.Setenv(name, value)
				if value == "" {
					os.Unsetenv(name)
				}
			}
			r := newRepository(t, map[string]string{"setup.py": plainSetup, "src/pkg/__init__.py": "", "src/pkg/m.py": "def f(): return 'it runs'\n"})
			e, err := newSource(t).Prepare(context.Background(), r.processor("pkg.m"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := evaluate(t, e, "m.f()"); got != "it runs" {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestSetupThatFailsIsToldWithItsLastLines(t *testing.T) {
	offline(t)
	r := newRepository(t, map[string]string{"m.py": "",
		"setup.py": "from setuptools import setup\nfor i in range(100): print('line', i)\nraise RuntimeError('the compiler is missing')\n"})
	s := newSource(t)
	_, err := s.Prepare(context.Background(), r.processor("m"), nil)
	refused(t, err, messages.Invalid, "build environment m", "RuntimeError: the compiler is missing")
	if err != nil && strings.Count(err.Error(), "\n") > maxLines+1 {
		t.Errorf("error of %d lines", strings.Count(err.Error(), "\n"))
	}
	left, err := filepath.Glob(filepath.Join(s.config.Dir, "environments", "*.build"))
	if err != nil || len(left) > 0 {
		t.Errorf("the build left %v, %v", left, err)
	}
}

func TestProjectThatMustBeBuiltOfflineFails(t *testing.T) {
	offline(t)
	r := newRepository(t, map[string]string{"m.py": "",
		"setup.py": "from setuptools import setup, Extension\nsetup(name='x', ext_modules=[Extension('x', ['x.c'])])\n"})
	if _, err := newSource(t).Prepare(context.Background(), r.processor("m"), nil); err == nil {
		t.Error("it is said to be ready")
	}
}

func TestRequirementThatCannotBeFetchedIsTold(t *testing.T) {
	offline(t)
	r := newRepository(t, map[string]string{"m.py": "", "needs.txt": "a-package-that-is-not-there==1\n"})
	s := newSource(t)
	for _, given := range []string{"needs.txt", "a-package-that-is-not-there==1"} {
		p := r.processor("m")
		p.Requirements = given
		_, err := s.Prepare(context.Background(), p, nil)
		refused(t, err, messages.Invalid, "a-package-that-is-not-there")
	}
	p := r.processor("m")
	p.Requirements = "nothing.txt"
	_, err := s.Prepare(context.Background(), p, nil)
	refused(t, err, messages.NotFound, "nothing.txt")
}

func TestRequirementsAreInstalled(t *testing.T) {
	offline(t)
	wheels := t.TempDir()
	makeWheel(t, wheels)
	t.Setenv("PIP_FIND_LINKS", wheels)
	t.Setenv("UV_FIND_LINKS", wheels)
	r := newRepository(t, map[string]string{"m.py": "import little\n", "requirements.txt": "little==1.0  # local\n"})
	e, err := newSource(t).Prepare(context.Background(), r.processor("m"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := evaluate(t, e, "m.little.answer"); got != "42" {
		t.Errorf("got %s", got)
	}
}

// makeWheel makes a package that pip can install without fetching anything.
func makeWheel(t *testing.T, dir string) {
	t.Helper()
	code := `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/little-1.0-py3-none-any.whl", "w") as z:
    z.writestr("little.py", "answer = 42\n")
    z.writestr("little-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: little\nVersion: 1.0\n")
    z.writestr("little-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("little-1.0.dist-info/RECORD", "")
`
	if out, err := exec.Command("python3", "-c", code, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestConcurrentPreparesBuildOnce(t *testing.T) {
	r := newRepository(t, map[string]string{"m.py": "def f(): return 1\n"})
	s := newSource(t)
	other, err := New(Config{Dir: s.config.Dir}) // as another process
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	built := 0
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			e, err := []*Source{s, other}[i%2].Prepare(context.Background(), r.processor("m"), func(line string) {
				mu.Lock()
				defer mu.Unlock()
				if strings.HasPrefix(line, "building") || strings.HasPrefix(line, "checking out") {
					built++
				}
			})
			if err != nil {
				t.Error(err)
			} else if _, err := os.Stat(filepath.Join(e.Dir, "m.py")); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	if built != 2 {
		t.Errorf("%d checkouts and environments were built, want one of each", built)
	}
}

func TestEnvironmentThatIsNotCompleteIsBuiltAgain(t *testing.T) {
	r := newRepository(t, map[string]string{"m.py": "def f(): return 1\n"})
	s := newSource(t)
	e, err := s.Prepare(context.Background(), r.processor("m"), nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(filepath.Dir(e.Interpreter))
	if err := os.Remove(filepath.Join(dir, ready)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "half"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err = s.Prepare(context.Background(), r.processor("m"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "half")); !os.IsNotExist(err) {
		t.Errorf("what was half built is still there: %v", err)
	}
	if got := evaluate(t, e, "m.f()"); got != "1" {
		t.Errorf("got %s", got)
	}
}

func TestBuildEndsWithItsContext(t *testing.T) {
	offline(t)
	mark := filepath.Join(t.TempDir(), "mark")
	t.Setenv("MARK", mark)
	r := newRepository(t, map[string]string{"m.py": "",
		"setup.py": "import os, subprocess\nopen(os.environ['MARK'], 'w').write('x')\nsubprocess.run(['sleep', '1000'])\n"})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := newSource(t).Prepare(ctx, r.processor("m"), nil)
		done <- err
	}()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(mark); err == nil {
			break
		}
	}
	cancel()
	select {
	case err := <-done:
		refused(t, err, messages.Unavailable, "canceled")
	case <-time.After(10 * time.Second):
		t.Fatal("the build goes on")
	}
}
