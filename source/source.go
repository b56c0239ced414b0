package source

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/elasticcode/flow/messages"
)

// Config says where a Source keeps what it builds and what it admits.
type Config struct {
	Dir    string // mirrors, checkouts and environments are made in it
	Logger *slog.Logger
	Python string   // interpreter for processors that name none; empty: python3
	Allow  []string // patterns of repositories that are admitted; none: all
	Deny   []string // patterns of repositories that are refused, whatever Allow says

	Retention Retention        // of checkouts and environments
	Now       func() time.Time // nil: time.Now
}

func (c *Config) defaults() {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Python == "" {
		c.Python = "python3"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Retention.Unused == 0 {
		c.Retention.Unused = MaxUnused
	}
	if c.Retention.Bytes == 0 {
		c.Retention.Bytes = MaxUnusedBytes
	}
}

// Source gets code ready to run. Its methods may be called from many goroutines.
type Source struct {
	config       Config
	rules        rules
	locks        *locks
	interpreters *interpreters
}

// New makes a Source.
func New(config Config) (*Source, error) {
	if config.Dir == "" {
		return nil, fmt.Errorf("make source: no directory")
	}
	config.defaults()
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, fmt.Errorf("make source: %w", err)
	}
	config.Dir = dir
	for _, part := range []string{"mirrors", "checkouts", "environments", "locks"} {
		if err := os.MkdirAll(filepath.Join(dir, part), 0o700); err != nil {
			return nil, fmt.Errorf("make source: %w", err)
		}
	}
	return &Source{
		config: config, rules: rules{allow: config.Allow, deny: config.Deny},
		locks: newLocks(filepath.Join(dir, "locks")), interpreters: newInterpreters(),
	}, nil
}

// Resolve gives the full hash of the commit that a processor's commit, tag or
// branch names, in this order; without any, of the repository's own default.
func (s *Source) Resolve(ctx context.Context, p *messages.Processor) (string, error) {
	commit := ""
	err := s.withMirror(ctx, p.GetGitrepo(), func(m *mirror) (err error) {
		commit, err = m.resolve(ctx, p)
		return err
	})
	return commit, err
}

// Inspect gives the commit that a processor names and the public functions of
// its module there. It reads the module's syntax tree and runs no user code.
func (s *Source) Inspect(ctx context.Context, p *messages.Processor) (string, []*messages.Function, error) {
	python, err := s.interpreter(ctx, p)
	if err != nil {
		return "", nil, err
	}
	var commit string
	var found module
	var text []byte
	err = s.withMirror(ctx, p.GetGitrepo(), func(m *mirror) (err error) {
		if commit, err = m.resolve(ctx, p); err != nil {
			return err
		}
		tree, err := m.tree(commit)
		if err != nil {
			return err
		}
		if found, err = findModule(tree, p); err != nil {
			return err
		}
		text, err = readFile(tree, found.file)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	functions, err := readFunctions(ctx, python, found, commit, text)
	if err == nil {
		functions, err = override(ctx, python, found, functions, p.GetOverrides())
	}
	if err != nil {
		return "", nil, err
	}
	return messages.PinnedCommit(commit, p.GetOverrides()), functions, nil
}

// Prepare makes a processor's code ready to run: the commit it resolved to
// (or, when there is none yet, resolves to now), checked out, with an
// environment for it. What is there already is taken as it is. progress, when
// it is not nil, is told what is done, line by line, from the calling goroutine
// or, while a command runs, from another.
func (s *Source) Prepare(ctx context.Context, p *messages.Processor, progress func(line string)) (messages.Environment, error) {
	if progress == nil {
		progress = func(string) {}
	}
	python, err := s.interpreter(ctx, p)
	if err != nil {
		return messages.Environment{}, err
	}
	c, err := s.checkout(ctx, p, progress)
	if err != nil {
		return messages.Environment{}, err
	}
	e, err := s.environment(ctx, p, python, c, progress)
	if err != nil {
		return messages.Environment{}, err
	}
	return messages.Environment{
		Interpreter: e.interpreter(), Dir: c.dir, Commit: c.commit,
		Module: c.module.name, ModulePath: c.module.byFile(), Paths: e.paths(c), Overrides: p.GetOverrides(),
	}, nil
}
