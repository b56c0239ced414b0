package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/elasticcode/flow/messages"
)

// checkout is a commit's files on disk. They are shared by all that run the
// commit and are not written again.
type checkout struct {
	commit string
	dir    string
	module module
	key    string // of the repository
}

// checkout gives a processor's commit on disk, and where its module is there.
func (s *Source) checkout(ctx context.Context, p *messages.Processor, progress func(string)) (checkout, error) {
	want := messages.Processor{Commit: messages.RepositoryCommit(p.GetResolvedCommit())}
	if want.Commit == "" {
		want = messages.Processor{Commit: p.GetCommit(), Gittag: p.GetGittag(), Branch: p.GetBranch()}
	}
	var c checkout
	err := s.withMirror(ctx, p.GetGitrepo(), func(m *mirror) (err error) {
		progress("reading " + m.address.shown)
		c.key = m.address.key()
		if c.commit, err = m.resolve(ctx, &want); err != nil {
			return err
		}
		tree, err := m.tree(c.commit)
		if err != nil {
			return err
		}
		if c.module, err = findModule(tree, p); err != nil {
			return err
		}
		c.dir = filepath.Join(s.config.Dir, "checkouts", m.address.key(), c.commit)
		if _, err := os.Stat(c.dir); err == nil {
			return s.use(c.dir)
		}
		progress(fmt.Sprintf("checking out commit %.10s", c.commit))
		if err := publish(ctx, tree, c.dir); err != nil {
			return err
		}
		return s.use(c.dir)
	})
	return c, err
}

// publish writes a tree's files and gives them their place as one, when all
// are there and durable. It runs under the mirror's lock.
func publish(ctx context.Context, tree *object.Tree, dir string) error {
	next := dir + ".part"
	if err := os.RemoveAll(next); err != nil {
		return fmt.Errorf("check out: %w", err)
	}
	if err := writeTree(ctx, tree, next); err != nil {
		return err
	}
	if err := syncTree(next); err != nil {
		return err
	}
	if err := os.Rename(next, dir); err != nil {
		return fmt.Errorf("check out: %w", err)
	}
	return nil
}

// writeTree writes a tree's files into a new directory and nowhere else,
// whatever names and links the repository holds.
func writeTree(ctx context.Context, tree *object.Tree, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("check out: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("check out: %w", err)
	}
	defer root.Close()
	walker := object.NewTreeWalker(tree, true, nil)
	defer walker.Close()
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name, e, err := walker.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = writeEntry(root, tree, name, e.Mode)
		}
		if err != nil {
			return fmt.Errorf("check out %s: %w", name, err)
		}
	}
}

func writeEntry(root *os.Root, tree *object.Tree, name string, mode filemode.FileMode) error {
	switch mode {
	case filemode.Submodule: // another repository's code: it is left out, like with a plain git clone
		return root.MkdirAll(name, 0o700)
	case filemode.Dir:
		return root.MkdirAll(name, 0o700)
	}
	f, err := tree.File(name)
	if err != nil {
		return fmt.Errorf("%w: %v", errBroken, err)
	}
	r, err := f.Reader()
	if err != nil {
		return fmt.Errorf("%w: %v", errBroken, err)
	}
	defer r.Close()
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	if mode == filemode.Symlink {
		target, err := io.ReadAll(io.LimitReader(r, 4096))
		if err != nil {
			return err
		}
		return root.Symlink(string(target), name)
	}
	permissions := os.FileMode(0o600)
	if mode == filemode.Executable {
		permissions = 0o700
	}
	w, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, permissions)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}
