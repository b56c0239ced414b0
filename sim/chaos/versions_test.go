//go:build e2e

package chaos

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

// newer is the name of the version that the nodes of a mixed network change to.
const newer = "newer"

// heldBack are the flags of a node that supports one feature level less than its
// build does.
var heldBack = []string{"--feature-level", strconv.Itoa(messages.FeatureLevel - 1)}

// olderBin gives the directory of the node that a mixed network begins with, its
// version, and its flags: what OLD_BIN names, or this tree's, held back.
func olderBin(t *testing.T) (dir, version string, flags []string) {
	t.Helper()
	dir = os.Getenv("OLD_BIN")
	if dir == "" {
		t.Log("SKIPPED: an earlier release: OLD_BIN does not name the directory of one; this tree stands for it, built under another name and held back")
		dir, flags = bin(t), heldBack
	}
	out, err := exec.Command(filepath.Join(dir, "node"), "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	return dir, string(out), flags
}

// newerBin builds the node of this tree as another version.
func newerBin(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	c := exec.Command("go", "build", "-ldflags", "-s -w -X github.com/elasticcode/flow/messages.Version="+newer, "-o", dir+"/", "./cmd/node")
	c.Dir, c.Env = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build the node as another version: %v\n%s", err, out)
	}
	return dir
}

// TestVersionsMix changes the nodes of a network one after the other to another
// build while calls go on: no caller sees an error, whoever leads and whoever
// follows, and each node says which version it is. The network's feature level rises
// with the last of them, and then the build before is refused.
func TestVersionsMix(t *testing.T) {
	old, name, flags := olderBin(t)
	other := newerBin(t)
	w, repository := startedFrom(t, old, 3, flags...)
	l := labOn(t, w, repository)
	l.processor("p", "--concurrency", "3")
	socket := l.socket("p", "do_something")
	l.run(socket, `"warm"`, "finished")
	t.Logf("begins with %s", name)

	ledger, stop, ended := NewLedger(w, socket), make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	go func() { defer close(ended); ledger.Drive(ctx, 3, stop) }()
	for i, n := range w.Nodes {
		before := ledger.Len()
		if err := n.Stop(); err != nil {
			t.Errorf("node %s ended with %v", n.Name, err)
		}
		if level := l.level(); level >= messages.FeatureLevel {
			t.Errorf("the network is at feature level %d while node %s is of the older version", level, n.Name)
		}
		n.Bin, n.Flags = other, slices.DeleteFunc(slices.Clone(n.Flags), func(f string) bool { return slices.Contains(heldBack, f) })
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		ready(l)
		l.until("the node to say which version it is", soon, func() bool { return l.versions()[newer] == i+1 })
		l.until("calls to go on", soon, func() bool { return ledger.Len() > before+20 })
	}
	l.until("the feature level to rise, everywhere", soon, func() bool { return l.level() == messages.FeatureLevel })
	l.refusesOlder(w.Nodes[2], old, flags)
	close(stop)
	<-ended
	t.Logf("%d calls were answered meanwhile, the slowest after %s", ledger.Len(), ledger.Slowest())
	if err := ledger.Check(ctx, "TEXT:"); err != nil {
		t.Error(err)
	}
}

// level is the lowest feature level that the network or one of its groups is at.
func (l *lab) level() uint32 {
	l.t.Helper()
	info, err := l.c.Network(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	level := info.FeatureLevel
	for _, g := range info.Groups {
		level = min(level, g.FeatureLevel)
	}
	return level
}

// refusesOlder starts a node of the older version on the data of one that has
// changed, and on an empty directory: it ends, and says what to do.
func (l *lab) refusesOlder(n *Node, old string, flags []string) {
	l.t.Helper()
	if err := n.Stop(); err != nil {
		l.t.Errorf("node %s ended with %v", n.Name, err)
	}
	for _, data := range []string{n.Data, filepath.Join(l.w.Dir, "fresh")} {
		ctx, cancel := context.WithTimeout(l.t.Context(), soon)
		args := append([]string{"--name", filepath.Base(data), "--runtime", filepath.Join(l.w.Dir, "run"), "--data", data, "--join", l.w.Nodes[0].GossipAddress()}, flags...)
		out, err := exec.CommandContext(ctx, filepath.Join(old, "node"), args...).CombinedOutput()
		cancel()
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "the network is at feature level") {
			l.t.Errorf("the older version, in %s: %v\n%s", data, err, out)
		}
	}
	if err := n.Start(); err != nil {
		l.t.Fatal(err)
	}
	ready(l)
}

// versions counts the nodes by their version.
func (l *lab) versions() map[string]int {
	l.t.Helper()
	all := map[string]int{}
	for _, o := range l.list(messages.Kind_KIND_NODE, "") {
		all[o.GetNode().GetVersion()]++
	}
	return all
}
