//go:build e2e

package chaos

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

// counts gives how many workers of a processor each node has.
func (l *lab) counts(processor string) map[string]int {
	l.t.Helper()
	n := map[string]int{}
	for node, workers := range l.workers(processor) {
		n[node] = len(workers)
	}
	return n
}

// slots waits until a processor has so many workers in all, and never more on
// a node than it has CPUs.
func (l *lab) slots(processor string, want int, cpus map[string]int) (on map[string]int) {
	l.t.Helper()
	l.until(fmt.Sprintf("%d workers of %s", want, processor), soon, func() bool {
		on = l.counts(processor)
		sum := 0
		for node, n := range on {
			if sum += n; n > cpus[node] {
				l.t.Errorf("%d workers on %s, which has %d CPUs", n, node, cpus[node])
			}
		}
		return sum == want
	})
	return on
}

// TestConcurrencyIsTheNumberOfSlots is row 17 of the acceptance table.
func TestConcurrencyIsTheNumberOfSlots(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cpus := map[string]int{"five": 5, "four": 4}
	w, repository := startedOn(t, cpus, "five", "four")
	l := labOn(t, w, repository)
	l.processor("p", "--concurrency", "7")
	on := l.slots("p", 7, cpus)
	if on["five"] < 3 || on["four"] < 3 {
		t.Errorf("7 slots are placed %v, want 4 and 3", on)
	}
	id := l.socket("p", "sleep_for")
	var ids []string
	for range 7 {
		ids = append(ids, l.submit(id, "2"))
	}
	l.until("seven calls to run at once", soon, func() bool {
		r, err := l.c.ListCalls(ctx, &messages.ListCallsRequest{Socket: id, States: []string{"running"}})
		return err == nil && r.GetTotal() == 7
	})
	l.cli("update", "processor", "-n", "p", "--concurrency", "5")
	for _, id := range ids {
		if call := l.ended(id, "finished"); call.GetAttempts() != 1 {
			t.Errorf("call %s took %d attempts: %v", id, call.GetAttempts(), call.GetEvents())
		}
	}
	l.slots("p", 5, cpus)
	l.cli("update", "processor", "-n", "p", "--concurrency", "20")
	l.slots("p", 9, cpus)
	if o := l.processorIs("p", "running"); o.GetProcessor().GetShortfall() != 11 {
		t.Errorf("20 slots of 9 leave a shortfall of %d, want 11", o.GetProcessor().GetShortfall())
	}
}

// startedOn gives a running network whose nodes have so many CPUs.
func startedOn(t *testing.T, cpus map[string]int, names ...string) (*Network, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	repository, err := MakeRepository(ctx, "../../examples/processors", filepath.Join(dir, "repository"))
	if err != nil {
		t.Fatal(err)
	}
	w := &Network{Bin: bin(t), Dir: dir}
	for _, name := range names {
		if _, err := w.Add(name, "--cpus", fmt.Sprint(cpus[name])); err != nil {
			t.Fatal(err)
		}
	}
	serves(ctx, t, w)
	return w, repository
}

// TestSlotsOfADeadNodeMove: they have workers elsewhere within 5 s, without an
// environment being built first; those of a pinned processor wait and say so.
func TestSlotsOfADeadNodeMove(t *testing.T) {
	l := newLab(t, 3, "--cpus", "3")
	cpus := map[string]int{"n1": 3, "n2": 3, "n3": 3}
	// This one is on one node only, and has an environment that takes a while to build.
	l.commit(l.repository, "setup.py", "from setuptools import setup\nsetup(name='example', version='1')\n")
	l.processor("solo")
	var home string
	for node := range l.slots("solo", 1, cpus) {
		home = node
	}
	l.processor("p", "--concurrency", "4")
	l.slots("p", 4, cpus)
	l.processor("pinned", "-h", home)
	l.worker("pinned", home)
	where := l.socket("pinned", "process_id")
	l.until("every node to have the environment", soon, func() bool {
		for _, n := range l.w.Nodes {
			all, err := os.ReadDir(filepath.Join(n.Data, "source", "environments"))
			all = slices.DeleteFunc(all, func(e os.DirEntry) bool { return strings.HasSuffix(e.Name(), ".used") })
			if err != nil || len(all) != 1 || strings.HasSuffix(all[0].Name(), ".build") {
				return false
			}
		}
		return true
	})

	dead := l.node(home)
	dead.Kill()
	l.slotsMove(dead.Name, map[string]int{"solo": 1, "p": 4})
	waiting := l.submit(where, "")
	l.until("the pinned processor's call to say what it waits for", soon, func() bool {
		call := l.call(waiting)
		return call.GetState() == "queued" && strings.Contains(call.GetWaiting(), home)
	})
	if err := dead.Start(); err != nil {
		t.Fatal(err)
	}
	if call := l.ended(waiting, "finished"); call.GetNode() != home {
		t.Errorf("a call of a processor pinned to %s ran on %q", home, call.GetNode())
	}
}

// slotsMove waits until a dead node's slots have workers elsewhere; their
// environments are there already.
func (l *lab) slotsMove(dead string, slots map[string]int) {
	l.t.Helper()
	begin := time.Now()
	l.until(fmt.Sprintf("slots %v off %s", slots, dead), gone, func() bool {
		for _, d := range l.list(messages.Kind_KIND_DEPLOYMENT, "") {
			if d.GetStatus() == "building" {
				l.t.Errorf("deployment %s is building (%s): its environment was not prepared beforehand", d.GetName(), d.GetMessage())
			}
		}
		for processor, want := range slots {
			n := 0
			for node, count := range l.counts(processor) {
				if node != dead {
					n += count
				}
			}
			if n != want {
				return false
			}
		}
		return true
	})
	l.t.Logf("slots of the dead node had workers elsewhere after %v", time.Since(begin).Round(time.Millisecond))
}

// version is a module whose answers tell which commit it is of.
const version = `import os, time

def which(seconds=0):
    time.sleep(seconds)
    return %d
`

// commit writes a file into a repository, and commits it.
func (l *lab) commit(repository, name, text string) {
	l.t.Helper()
	dir := strings.TrimPrefix(repository, "file://")
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
	for _, args := range [][]string{{"add", "-A"}, {"-c", "user.name=example", "-c", "user.email=example@example.invalid", "commit", "-q", "-m", "next"}} {
		cmd := exec.CommandContext(l.t.Context(), "git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			l.t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
}

// pids gives the workers of a processor.
func (l *lab) pids(processor string) (all []int32) {
	l.t.Helper()
	for _, workers := range l.workers(processor) {
		for _, w := range workers {
			all = append(all, w.GetProcess())
		}
	}
	return all
}

// TestProcessorsAreStoppedPausedAndUpdated under calls that run and wait.
func TestProcessorsAreStoppedPausedAndUpdated(t *testing.T) {
	l := newLab(t, 1, "--cpus", "3")
	module := func(n int) { l.commit(l.repository, "version.py", fmt.Sprintf(version, n)) }
	module(1)
	l.cli("add", "processor", "-n", "v", "-g", l.repository, "-m", "version", "--concurrency", "2")
	which := l.socket("v", "which")
	l.gives(which, "", "1")

	for _, hold := range []struct{ action, status, again string }{{"pause", "paused", "resume"}, {"stop", "stopped", "start"}} {
		t.Run(hold.action, func(t *testing.T) {
			l := l.in(t)
			running := l.running(which, "1")
			l.cli("proc", hold.action, "v")
			l.processorIs("v", hold.status)
			waiting := l.submit(which, "0")
			if call := l.ended(running.GetId(), "finished"); call.GetAttempts() != 1 {
				t.Errorf("the call that ran took %d attempts: %v", call.GetAttempts(), call.GetEvents())
			}
			if call := l.call(waiting); call.GetState() != "queued" || !strings.Contains(call.GetWaiting(), hold.status) {
				t.Errorf("the call that came then is %s and waits for %q", call.GetState(), call.GetWaiting())
			}
			if hold.action == "stop" {
				l.slots("v", 0, map[string]int{"n1": 3})
			}
			l.cli("proc", hold.again, "v")
			l.ended(waiting, "finished")
		})
	}
	t.Run("restart reads the branch again", func(t *testing.T) {
		l := l.in(t)
		old := l.running(which, "2")
		module(2)
		l.gives(which, "", "1") // nobody has said so yet
		l.cli("proc", "restart", "v")
		l.updated("v")
		l.gives(which, "", "2")
		if call := l.ended(old.GetId(), "finished"); call.GetResult() != "1" || call.GetAttempts() != 1 {
			t.Errorf("the call that ran on the old commit gave %s after %d attempts", call.GetResult(), call.GetAttempts())
		}
	})
	t.Run("restart without a new commit gives new workers", func(t *testing.T) {
		l := l.in(t)
		l.slots("v", 2, map[string]int{"n1": 3})
		old := l.pids("v")
		l.cli("proc", "restart", "v")
		l.until("other workers than "+fmt.Sprint(old), soon, func() bool {
			now := l.pids("v")
			return len(now) == 2 && !slices.ContainsFunc(now, func(pid int32) bool { return slices.Contains(old, pid) })
		})
	})
	t.Run("an update loses no call", func(t *testing.T) {
		l := l.in(t)
		var ids []string
		for n := 3; n <= 5; n++ {
			for range 60 {
				ids = append(ids, l.submit(which, "0.01"))
			}
			module(n)
			l.cli("update", "processor", "-n", "v", "-br", "main")
		}
		last := 0
		for _, id := range ids {
			call := l.ended(id, "finished")
			n := int(call.GetResult()[0] - '0')
			if n < 2 || n > 5 || call.GetTries()+call.GetCrashes()+call.GetLost() != 0 {
				t.Errorf("call %s gave %s after %d attempts: %v", id, call.GetResult(), call.GetAttempts(), call.GetEvents())
			}
			last = max(last, n)
		}
		t.Logf("%d calls over three updates, the last ran on version %d", len(ids), last)
		l.updated("v")
		l.gives(which, "", "5")
	})
}

// TestBuildsThatFailSaySo: a setup.py that breaks, a package that cannot be had.
func TestBuildsThatFailSaySo(t *testing.T) {
	l := newLab(t, 1, "--cpus", "4")
	// Without a network no index is reached; with this one nowhere.
	requirements := filepath.Join(t.TempDir(), "requirements.txt")
	if err := os.WriteFile(requirements, []byte("--index-url http://127.0.0.1:1/\nno-such-package-at-all==1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	l.cli("add", "processor", "-n", "needs", "-g", l.repository, "-m", "pyfi.processors.needs_package", "-rq", requirements)
	broken, err := MakeRepository(t.Context(), "../../examples/processors", filepath.Join(t.TempDir(), "broken"))
	if err != nil {
		t.Fatal(err)
	}
	l.commit(broken, "setup.py", "from setuptools import setup\nraise SystemExit('no such compiler: fortran-2042')\n")
	l.cli("add", "processor", "-n", "broken", "-g", broken, "-m", sample)
	l.cli("add", "socket", "-n", "broken.do_this", "-q", "q", "-pn", "broken", "-t", "do_this")
	o := l.processorIs("broken", "failed")
	if !strings.Contains(o.GetMessage(), "fortran-2042") {
		t.Errorf("it says %q, want the last lines of the build", o.GetMessage())
	}
	call := l.call(l.submit("broken.do_this", "1"))
	if call.GetState() != "queued" || !strings.Contains(call.GetWaiting(), "failed") {
		t.Errorf("its call is %s and waits for %q", call.GetState(), call.GetWaiting())
	}
	out := try(t, l.w, l.w.Nodes[0].Address(), "", "spawn", "-g", broken, "-m", sample)
	if out.Code == 0 || !strings.Contains(out.Stderr, "fortran-2042") {
		t.Errorf("spawn ends with %d and says\n%s", out.Code, out.Stderr)
	}

	l.commit(broken, "setup.py", "from setuptools import setup\nsetup(name='repaired', version='1')\n")
	l.cli("proc", "restart", "broken")
	l.ended(call.GetId(), "finished")

	if o := l.processorIs("needs", "failed"); !strings.Contains(o.GetMessage(), "no-such-package-at-all") {
		t.Errorf("it says %q, want the package that cannot be had", o.GetMessage())
	}
}
