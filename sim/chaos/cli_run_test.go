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
)

// TestRunningTasks: keys, time-outs, and results that are asked for later.
func TestRunningTasks(t *testing.T) {
	w, repository := started(t, 1)
	address := w.Nodes[0].Address()
	spawned := try(t, w, address, "", "spawn", "-g", repository, "-m", sample, "-c", "2")
	if spawned.Code != 0 || !slices.Contains(strings.Fields(spawned.Stdout), doThis) || !strings.Contains(spawned.Stderr, "processor "+sample+": running") {
		t.Fatalf("spawn: exit code %d, %s%s", spawned.Code, spawned.Stdout, spawned.Stderr)
	}

	first := cli(t, w, address, "", "task", "run", "-s", doThis, "-d", "x", "--id", "order 7")
	again := cli(t, w, address, "", "task", "run", "-s", doThis, "-d", "x", "--id", "order 7")
	if n := len(strings.Fields(cli(t, w, address, "", "ls", "calls", "-i"))); first != again || n != 1 {
		t.Errorf("a key sent twice gave %q and %q, and %d calls", first, again, n)
	}
	if out := try(t, w, address, "", "task", "run", "-s", doThis, "-d", "y", "--id", "order 7"); out.Code != 4 {
		t.Errorf("the key with other content: exit code %d, %s", out.Code, out.Stderr)
	}

	began := time.Now()
	slow := try(t, w, address, "", "run", sample+".sleep_for", "2", "--timeout", "500ms", "--id", "slow")
	if slow.Code != 6 || slow.Stdout != "" || !strings.Contains(slow.Stderr, "flowcli task result ") || time.Since(began) > 2*time.Second {
		t.Errorf("--timeout: after %v exit code %d, %s%s", time.Since(began), slow.Code, slow.Stdout, slow.Stderr)
	}
	if got := cli(t, w, address, "", "run", sample+".sleep_for", "2", "--id", "slow"); got != "2\n" {
		t.Errorf("the same key gave %q, once there was time", got)
	}

	id := strings.TrimSpace(cli(t, w, address, "", "task", "run", "-s", sample+".say", "-d", "printed", "--no-wait"))
	if got := cli(t, w, address, "", "task", "result", id); got != "null\n" {
		t.Errorf("task result gave %q", got)
	}
	if got := cli(t, w, address, "", "task", "show", id); !strings.Contains(got, "Log\nprinted") || !strings.Contains(got, "Arguments\n\"printed\"") {
		t.Errorf("task show:\n%s", got)
	}
	failed := try(t, w, address, "", "run", sample+".fail", "on purpose")
	if failed.Code != 1 || failed.Stdout != "" || !strings.Contains(failed.Stderr, "ValueError: on purpose") || !strings.Contains(failed.Stderr, "Traceback") {
		t.Errorf("a call that fails: exit code %d, %s%s", failed.Code, failed.Stdout, failed.Stderr)
	}
	t.Run("second spawn", func(t *testing.T) { spawnAgain(t, w, repository) })
	t.Run("whole process", func(t *testing.T) { wholeProcess(t, w) })
}

// spawnAgain: a new function in the branch gets its socket.
func spawnAgain(t *testing.T, w *Network, repository string) {
	dir := strings.TrimPrefix(repository, "file://")
	file, err := os.OpenFile(filepath.Join(dir, "pyfi/processors/sample.py"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString("\n\ndef brand_new():\n    return \"new\"\n"); err != nil {
		t.Fatal(err)
	}
	commit := exec.Command("git", "-c", "user.name=example", "-c", "user.email=example@example.invalid", "commit", "-q", "-a", "-m", "A function more")
	commit.Dir = dir
	if out, err := commit.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	address := w.Nodes[0].Address()
	out := try(t, w, address, "", "spawn", "-g", repository, "-m", sample, "-c", "2")
	if out.Code != 0 || !slices.Contains(strings.Fields(out.Stdout), sample+".brand_new") || strings.Contains(out.Stderr, doThis+": added") {
		t.Errorf("exit code %d\n%s%s", out.Code, out.Stdout, out.Stderr)
	}
	if got := cli(t, w, address, "", "run", sample+".brand_new"); got != "new\n" {
		t.Errorf("the new function gave %q", got)
	}
}

// wholeProcess tells how long `flowcli task run` takes from its start to its
// end. How long it may take is for the benchmarks to say.
func wholeProcess(t *testing.T, w *Network) {
	var took []time.Duration
	for i := range 41 {
		began := time.Now()
		cli(t, w, w.Nodes[0].Address(), "", "task", "run", "-s", doThis, "-d", fmt.Sprint(i))
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("flowcli task run: fastest %v, half within %v", took[0].Round(100*time.Microsecond), took[20].Round(100*time.Microsecond))
}

// TestCLIGoesOnToTheNextNode: without an address flowcli finds the nodes of the
// machine, and goes on when the one that it asked is killed.
func TestCLIGoesOnToTheNextNode(t *testing.T) {
	w, repository := started(t, 3, "--cpus", "1")
	cli(t, w, w.Nodes[0].Address(), "", "spawn", "-g", repository, "-m", sample, "-c", "3")
	runtime := filepath.Join(w.Dir, "xdg")
	if err := os.MkdirAll(runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(w.Dir, "run"), filepath.Join(runtime, "elasticflow")); err != nil {
		t.Fatal(err)
	}
	flowcli := func(args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(w.Bin, "flowcli"), args...)
		cmd.Env = append(os.Environ(), "FLOW_API=", "XDG_RUNTIME_DIR="+runtime)
		return cmd
	}
	cmd := flowcli("--debug", "run", sample+".sleep_for", "2")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	err := Until(ctx, "the call to run", func() bool {
		return strings.Contains(cli(t, w, w.Nodes[2].Address(), "", "ls", "calls", "--state", "running"), "sleep_for")
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := nodeAsked(t, w, cmd.Process.Pid)
	asked.Kill()
	if err := cmd.Wait(); err != nil || stdout.String() != "2\n" {
		t.Errorf("after the end of %s: %v, %q\n%s", asked.Name, err, stdout.String(), stderr.String())
	}
	out, err := flowcli("run", doThis, "x").Output()
	if err != nil || string(out) != "Do this String: x\n" {
		t.Errorf("with %s gone: %v, %q", asked.Name, err, out)
	}
}

// nodeAsked gives the node that a process has a connection to.
func nodeAsked(t *testing.T, w *Network, pid int) *Node {
	t.Helper()
	for _, n := range w.Nodes {
		if connected(t, pid, n.Port) {
			return n
		}
	}
	t.Fatalf("process %d has a connection to no node", pid)
	return nil
}

// connected says whether a process has a TCP connection to a port of loopback.
func connected(t *testing.T, pid, port int) bool {
	t.Helper()
	sockets := map[string]bool{}
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil {
			sockets[strings.TrimSuffix(strings.TrimPrefix(to, "socket:["), "]")] = true
		}
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) > 9 && strings.HasSuffix(fields[2], fmt.Sprintf(":%04X", port)) && sockets[fields[9]] {
			return true
		}
	}
	return false
}
