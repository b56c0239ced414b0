package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// environment is a Python environment on disk, complete and not written again.
type environment struct {
	dir       string
	installed bool // the repository itself is installed in it
}

// needs is what an environment depends on: its key is made of it.
type needs struct {
	Interpreter  interpreter
	System       string
	Requirements string // their text; empty: none
	Repository   string // with Commit: when what is installed depends on the repository's files
	Commit       string
	project      bool   // it has a setup.py or pyproject.toml
	file         string // of the requirements, in the checkout; empty: none
}

// ready is the name of the file that says that an environment is complete. A
// virtual environment cannot be moved, so it is built in its place, and the
// file is what publishes it.
const ready = ".ready"

// environment gives the environment that a checkout needs, built once.
func (s *Source) environment(ctx context.Context, p *messages.Processor, python interpreter, c checkout, progress func(string)) (environment, error) {
	n, err := needsOf(p, python, c)
	if err != nil {
		return environment{}, err
	}
	key := n.key()
	e := environment{dir: filepath.Join(s.config.Dir, "environments", key)}
	unlock, err := s.locks.lock(ctx, "environment-"+key)
	if err != nil {
		return environment{}, messages.Errorf(messages.Unavailable, "build environment", c.module.name, "%v", err)
	}
	defer unlock()
	if e.read() == nil {
		return e, s.use(e.dir)
	}
	if err := os.RemoveAll(e.dir); err != nil {
		return environment{}, messages.Errorf(messages.Unavailable, "build environment", c.module.name, "%v", err)
	}
	progress("building environment with Python " + python.Version)
	b := builder{environment: &e, needs: n, checkout: c, progress: progress, scratch: filepath.Join(s.config.Dir, "environments", key+".build")}
	err = b.build(ctx, s)
	if err := os.RemoveAll(b.scratch); err != nil {
		s.config.Logger.Warn("cannot remove what a build left", "error", err)
	}
	if err == nil {
		err = e.publish()
	}
	if err != nil {
		return environment{}, buildFailure(c, err)
	}
	progress("environment is ready")
	return e, s.use(e.dir)
}

// needsOf reads from a checkout what its environment depends on.
func needsOf(p *messages.Processor, python interpreter, c checkout) (needs, error) {
	n := needs{Interpreter: python, System: runtime.GOOS + "/" + runtime.GOARCH}
	text, file, err := requirements(p, c.dir)
	if err != nil {
		return n, err
	}
	n.Requirements, n.file = text, file
	for _, name := range []string{"setup.py", "pyproject.toml"} {
		if _, err := os.Stat(filepath.Join(c.dir, name)); err == nil {
			n.project = n.project || name == "setup.py" || isProject(filepath.Join(c.dir, name))
		}
	}
	if n.project || file != "" && refersToFiles(text) {
		n.Repository, n.Commit = c.key, c.commit
	}
	return n, nil
}

// isProject says whether a pyproject.toml describes something to install;
// many only configure tools.
func isProject(file string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[project]") || strings.HasPrefix(line, "[build-system]") || strings.HasPrefix(line, "[tool.poetry]") {
			return true
		}
	}
	return false
}

// requirements gives the text of the packages that are needed: the
// processor's, which may name a file of the repository, else the repository's
// requirements.txt. file is the path when they are a file of the checkout.
func requirements(p *messages.Processor, dir string) (text, file string, err error) {
	given := strings.TrimSpace(p.GetRequirements())
	name := "requirements.txt"
	if given != "" {
		if strings.ContainsAny(given, "\n") || !strings.HasSuffix(given, ".txt") {
			return bare(given), "", nil
		}
		name = given
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", "", messages.Errorf(messages.Unavailable, "read requirements", name, "%v", err)
	}
	defer root.Close()
	b, err := root.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) && given == "" {
		return "", "", nil
	}
	if err != nil {
		return "", "", messages.Errorf(messages.NotFound, "read requirements", name, "%v", err).WithHint("give the path of a file in the repository, or the requirements themselves")
	}
	if text = bare(string(b)); text == "" {
		return "", "", nil
	}
	return text, filepath.Join(dir, name), nil
}

// bare takes comments and empty lines out of requirements, which change nothing.
func bare(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// refersToFiles says whether requirements may depend on other files of the repository.
func refersToFiles(text string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "-") || strings.HasPrefix(line, ".") || strings.HasPrefix(line, "/") || strings.Contains(line, "file:") {
			return true
		}
	}
	return false
}

func (n needs) key() string {
	b, err := json.Marshal(n)
	if err != nil {
		panic(err) // strings and numbers
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

// mark is what the ready file holds.
type mark struct {
	Installed bool `json:"installed"`
}

// read reads whether the environment is complete. An error means that it is not.
func (e *environment) read() error {
	b, err := os.ReadFile(filepath.Join(e.dir, ready))
	if err != nil {
		return err
	}
	var m mark
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	e.installed = m.Installed
	_, err = os.Stat(e.interpreter()) // the Python it was made with may have been removed
	return err
}

// publish declares the environment complete, once all of it is durable.
func (e *environment) publish() error {
	if err := syncTree(e.dir); err != nil {
		return err
	}
	b, err := json.Marshal(mark{Installed: e.installed})
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(e.dir, ready))
	if err != nil {
		return fmt.Errorf("publish environment: %w", err)
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func (e environment) interpreter() string { return filepath.Join(e.dir, "bin", "python") }

// paths is what is searched before the environment's own packages: nothing
// when the module is installed there, since compiled parts are there alone;
// else the checkout.
func (e environment) paths(c checkout) []string {
	if c.module.path {
		file := filepath.Join(c.dir, filepath.FromSlash(c.module.file))
		return []string{c.dir, filepath.Dir(file)}
	}
	if e.installed && e.has(c.module.name) {
		return nil
	}
	return []string{filepath.Join(c.dir, filepath.FromSlash(c.module.root))}
}

func (e environment) has(module string) bool {
	base := filepath.Join(strings.Split(module, ".")...)
	for _, file := range []string{base + ".py", filepath.Join(base, "__init__.py")} {
		if found, err := filepath.Glob(filepath.Join(e.dir, "lib", "python*", "site-packages", file)); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

// buildFailure is a failed build as people see it: what went wrong, with the
// last lines of the step that did.
func buildFailure(c checkout, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return messages.Errorf(messages.Unavailable, "build environment", c.module.name, "%v", err)
	}
	var known *messages.Error
	if errors.As(err, &known) {
		return known
	}
	return messages.Errorf(messages.Invalid, "build environment", c.module.name, "at commit %.10s: %v", c.commit, err)
}
