package source

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// installProject installs the repository as it says itself. A build needs
// tools that the repository names, which a node without network cannot fetch:
// then those that the environment has will do, and a project that is only
// Python files, and whose setup.py runs, is run from its checkout.
func (b *builder) installProject(ctx context.Context) error {
	b.progress("installing the repository")
	isolated := b.pipInstall(ctx)
	if isolated == nil {
		b.installed = true
		return nil
	}
	if !lacksTools(isolated) || ctx.Err() != nil {
		return isolated
	}
	b.progress("its build tools cannot be fetched: trying those that are here")
	here := b.pipInstall(ctx, "--no-build-isolation")
	if here == nil {
		b.installed = true
		return nil
	}
	if !lacksTools(here) || ctx.Err() != nil {
		return here
	}
	b.progress("there are none: reading what it needs")
	return b.runFromCheckout(ctx, isolated)
}

// pipInstall installs from a copy: a build writes beside its sources.
func (b *builder) pipInstall(ctx context.Context, flags ...string) error {
	dir, err := b.copySources()
	if err != nil {
		return err
	}
	return b.runIn(ctx, dir, append(append(append([]string{}, b.install...), flags...), ".")...)
}

func (b *builder) copySources() (string, error) {
	dir := filepath.Join(b.scratch, "sources")
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := copyFiles(b.checkout.dir, dir); err != nil {
		return "", fmt.Errorf("copy sources: %w", err)
	}
	return dir, nil
}

func copyFiles(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case e.IsDir():
			return os.MkdirAll(target, 0o700)
		case e.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, info.Mode().Perm())
	})
}

// lacksTools says whether a build failed only because its tools could not be
// fetched or are not there. A setup.py that ran and failed says other things.
func lacksTools(err error) bool {
	var failed *commandError
	return errors.As(err, &failed) && failed.says(
		// pip, with isolation: nothing to fetch the tools from
		"to install build dependencies did not run successfully", "installing build dependencies for",
		// uv, with isolation
		"Failed to resolve requirements from `build-system.requires`", "Failed to resolve requirements from `setup.py` build", "Failed to install requirements from `build-system.requires`",
		// without isolation: no setuptools, or no wheel
		"invalid command 'bdist_wheel'", "No module named 'setuptools'", "No module named 'wheel'", "Cannot import '", "BackendUnavailable",
	)
}

//go:embed python/declared.py
var declaredScript string

// declared is what a project says of itself.
type declared struct {
	Requires []string `json:"requires"`
	Compiled string   `json:"compiled"` // why it is more than Python files; empty: it is not
}

// runFromCheckout does without the build tools when nothing has to be built:
// it runs setup.py, with its tools replaced by ones that only note what they
// are asked for, and installs the packages that are named there.
func (b *builder) runFromCheckout(ctx context.Context, why error) error {
	dir, err := b.copySources()
	if err != nil {
		return err
	}
	script, answer := filepath.Join(b.scratch, "declared.py"), filepath.Join(b.scratch, "declared.json")
	if err := os.WriteFile(script, []byte(declaredScript), 0o600); err != nil {
		return err
	}
	if err := b.runIn(ctx, dir, b.interpreter(), script, answer); err != nil {
		return err
	}
	text, err := os.ReadFile(answer)
	if err != nil {
		return why // it ended before it told anything
	}
	var d declared
	if err := json.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("read what the project needs: %w", err)
	}
	if d.Compiled != "" {
		b.progress("it has to be built: " + d.Compiled)
		return why
	}
	if len(d.Requires) > 0 {
		return b.runIn(ctx, dir, append(append([]string{}, b.install...), d.Requires...)...)
	}
	b.progress("it is only Python files: running it from its checkout")
	return nil
}
