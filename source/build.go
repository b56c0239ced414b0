package source

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/elasticcode/flow/messages"
)

// builder builds one environment, in the order that DESIGN.md gives.
type builder struct {
	*environment
	needs    needs
	checkout checkout
	progress func(string)
	scratch  string   // a directory of the build's own, removed after it
	install  []string // argv before what is to be installed
}

func (b *builder) build(ctx context.Context, s *Source) error {
	if err := os.RemoveAll(b.scratch); err != nil {
		return err
	}
	if err := os.MkdirAll(b.scratch, 0o700); err != nil {
		return err
	}
	if b.needs.Requirements == "" && !b.needs.project {
		// Nothing is installed: an environment without pip is made in a moment, and needs nothing from anywhere.
		return b.run(ctx, b.needs.Interpreter.Path, "-m", "venv", "--without-pip", "--symlinks", b.dir)
	}
	if err := b.makeInstaller(ctx); err != nil {
		return err
	}
	if b.needs.Requirements != "" {
		if err := b.installRequirements(ctx); err != nil {
			return err
		}
	}
	if b.needs.project {
		return b.installProject(ctx)
	}
	return nil
}

// makeInstaller makes the environment and finds what can install into it: uv,
// the interpreter's own pip, or else a pip of the environment's own, which
// takes ten times as long to get.
func (b *builder) makeInstaller(ctx context.Context) error {
	python := b.needs.Interpreter.Path
	if uv, err := exec.LookPath("uv"); err == nil {
		b.install = []string{uv, "pip", "install", "--python", b.interpreter()}
		return b.run(ctx, uv, "venv", "--python", python, b.dir)
	}
	if err := b.run(ctx, python, "-m", "venv", "--without-pip", "--symlinks", b.dir); err != nil {
		return err
	}
	if b.quietly(ctx, python, "-c", pipInstallsElsewhere) == nil {
		b.install = []string{python, "-m", "pip", "--python", b.interpreter(), "install"}
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b.install = []string{b.interpreter(), "-m", "pip", "install"}
	if err := b.run(ctx, b.interpreter(), "-m", "ensurepip", "--default-pip"); err != nil {
		return messages.Errorf(messages.Unavailable, "build environment", b.checkout.module.name, "packages have to be installed, and this node's Python %s has no pip of its own: %v", b.needs.Interpreter.Version, err).
			WithHint("install uv, or pip")
	}
	return nil
}

// pipInstallsElsewhere succeeds when the interpreter's pip has the option --python.
const pipInstallsElsewhere = `import pip, sys; sys.exit([int(n) for n in pip.__version__.split(".")[:2]] < [22, 3])`

// quietly runs a step whose failure is no news.
func (b *builder) quietly(ctx context.Context, argv ...string) error {
	silent := *b
	silent.progress = func(string) {}
	return silent.run(ctx, argv...)
}

func (b *builder) installRequirements(ctx context.Context) error {
	file := b.needs.file
	if file == "" {
		file = filepath.Join(b.scratch, "requirements.txt")
		if err := os.WriteFile(file, []byte(b.needs.Requirements+"\n"), 0o600); err != nil {
			return err
		}
	}
	b.progress("installing requirements")
	return b.runIn(ctx, b.checkout.dir, append(b.install, "-r", file)...)
}

func (b *builder) run(ctx context.Context, argv ...string) error {
	return b.runIn(ctx, b.scratch, argv...)
}

func (b *builder) runIn(ctx context.Context, dir string, argv ...string) error {
	settings := []string{
		"PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_NO_INPUT=1", "PIP_PROGRESS_BAR=off", "PYTHONUNBUFFERED=1", "NO_COLOR=1",
		"SETUPTOOLS_SCM_PRETEND_VERSION=0.0+g" + b.checkout.commit[:10], // a checkout has no history to take a version from
	}
	if os.Getenv("PIP_RETRIES") == "" { // a node without network is to find out soon
		settings = append(settings, "PIP_RETRIES=1")
	}
	return command{dir: dir, env: buildEnvironment(settings...), argv: argv, progress: b.progress}.run(ctx)
}
