package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// seeded is how a random walk says which of its seeds failed.
var seeded = regexp.MustCompile(`(?:seed|round) (\d+)`)

// failed is how a test says that it did.
var failed = regexp.MustCompile(`--- FAIL: (\w+)`)

// inTests runs the tests of a package with a mistake in it.
func (l *lab) inTests(ctx context.Context, m mutation, first uint64) (f found, err error) {
	args := []string{"-test.run", "^" + m.test + "$", "-test.failfast"}
	if m.way() == walks {
		args = append(args, "-first", strconv.FormatUint(first, 10))
	}
	c := planted(ctx, m.bug, l.tests[m.pkg], args...)
	c.Dir = m.pkg
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err == nil || !errors.As(err, &exit) {
		return f, err
	}
	f.Seeds = 1
	name := failed.FindSubmatch(out)
	if name == nil {
		return f, fmt.Errorf("%s failed otherwise: %s", m.test, out)
	}
	f.Checker = string(name[1])
	if m.way() != walks {
		return f, nil
	}
	f.Seeds, f.Detail, err = earliest(string(out), first)
	return f, err
}

// compile compiles the tests of a package, once.
func (l *lab) compile(ctx context.Context, pkg string) error {
	if pkg == "" || l.tests[pkg] != "" {
		return nil
	}
	binary := filepath.Join(l.dir, strings.ReplaceAll(pkg, "/", "-")+".test")
	c := exec.CommandContext(ctx, "go", "test", "-tags", "plant", "-c", "-o", binary, "./"+pkg)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("compile the tests of %s: %w", pkg, err)
	}
	l.tests[pkg] = binary
	return nil
}

// earliest is how many seeds a walk took until its first failure, and what that
// says: several may have walked at the same time.
func earliest(out string, first uint64) (seeds int, detail string, err error) {
	seeds = 1
	for i, at := range seeded.FindAllStringSubmatchIndex(out, -1) {
		n, err := strconv.ParseUint(out[at[2]:at[3]], 10, 64)
		if err != nil {
			return 0, "", err
		}
		if took := int(n-first) + 1; i == 0 || took < seeds {
			seeds, detail = took, line(out[at[0]:])
		}
	}
	return seeds, detail, nil
}
