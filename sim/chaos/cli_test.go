//go:build e2e

package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// kinds are the classes that flowcli lists.
var kinds = []string{"queues", "processors", "sockets", "nodes", "agents", "workers", "deployments", "tasks", "arguments", "calls"}

// volatile fields change by themselves: what a node measures, and when.
var volatile = []string{"lastupdated", "version", "node", "agent", "worker"}

// everything is what `ls` shows of all kinds.
func everything(t testing.TB, w *Network, address string) string {
	t.Helper()
	var all strings.Builder
	for _, kind := range kinds {
		var list map[string]json.RawMessage
		if err := json.Unmarshal([]byte(cli(t, w, address, "", "ls", kind, "-o", "json")), &list); err != nil {
			t.Fatal(err)
		}
		var rows []map[string]any
		if err := json.Unmarshal(list[kind], &rows); err != nil {
			t.Fatalf("ls %s: %v", kind, err)
		}
		fmt.Fprintf(&all, "%s: %d\n", kind, len(rows))
		for _, row := range rows {
			for _, name := range volatile {
				if kind != "calls" {
					delete(row, name)
				}
			}
			line, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&all, "  %s\n", line)
		}
	}
	return all.String()
}

// TestBadInputChangesNothing: each command is refused with the exit code of its
// kind and an error that names the thing, and nothing is different afterwards.
func TestBadInputChangesNothing(t *testing.T) {
	w, repository := started(t, 1, "--cpus", "1")
	quickstart(t, w, repository)
	address := w.Nodes[0].Address()
	cli(t, w, address, "", "add", "queue", "small", "--max-length", "1")
	cli(t, w, address, "", "add", "processor", "-n", "idle", "-g", repository, "-m", sample, "-rs", "stopped")
	cli(t, w, address, "", "add", "socket", "-n", "full", "-q", "small", "-pn", "idle", "-t", "do_this")
	cli(t, w, address, "", "task", "run", "-s", "full", "-d", "1", "--no-wait")
	large := filepath.Join(t.TempDir(), "large.json")
	if err := os.WriteFile(large, []byte(`"`+strings.Repeat("a", 64<<20)+`"`), 0o644); err != nil {
		t.Fatal(err)
	}
	add := "add processor -n p -g " + repository + " -m " + sample
	before := everything(t, w, address)
	for _, bad := range []struct {
		line string
		code int
		says []string
	}{
		// What is not there.
		{"task run -s pyfi.processors.sample.do_tihs -d 1", 3, []string{"pyfi.processors.sample.do_tihs", doThis}},
		{"run nowhere 1", 3, []string{"nowhere"}},
		{"add socket -n s -q pyfi.quue1 -pn proc1 -t do_this", 3, []string{`"pyfi.quue1"`, "nearest: pyfi.queue1"}},
		{"add socket -n s -q pyfi.queue1 -pn porc1 -t do_this", 3, []string{`"porc1"`, "nearest: proc1"}},
		{"add socket -n s -q pyfi.queue1 -pn proc1 -t do_thus", 3, []string{`"do_thus"`, "it has: do_this"}},
		{add + " -h mars", 3, []string{`"mars"`, "nodes: n1"}},
		{"update queue nowhere --max-length 1", 3, []string{"nowhere", "there are: ", "pyfi.queue1"}},
		{"update processor porc1 -w 2", 3, []string{"porc1", "proc1"}},
		{"delete socket nowhere", 3, []string{"nowhere"}},
		{"proc stop porc1", 3, []string{"porc1", "nearest: proc1"}},
		{"ls queue nowhere", 3, []string{"nowhere", "flowcli ls queue"}},
		{"ls calls -s nowhere", 3, []string{"nowhere"}},
		{"task result 0193a1b2-c3d4-7001-8f00-0123456789ab", 3, []string{"0193a1b2-c3d4-7001-8f00-0123456789ab", "no such call"}},
		{"task show xyz", 2, []string{"xyz", "ids look like"}},
		// A name taken.
		{"add queue -n pyfi.queue1", 4, []string{"pyfi.queue1", "taken"}},
		{"add processor -n proc1 -g " + repository + " -m " + sample, 4, []string{"proc1", "taken"}},
		{"add socket -n " + doThis + " -q pyfi.queue1 -pn proc1 -t do_this", 4, []string{doThis, "taken"}},
		{"spawn -n other -g " + repository + " -m " + sample, 4, []string{doSomething, "proc1"}},
		// Repositories.
		{"add processor -n p -g file:///no/such/repository -m " + sample, 3, []string{"file:///no/such/repository", "no such file", "Hint: check the path"}},
		{"add processor -n p -g https://127.0.0.1:1/repository -m " + sample, 3, []string{"https://127.0.0.1:1/repository", "refused"}},
		{add + " -br develop", 3, []string{"no branch develop", "there are: main"}},
		{add + " --gittag v9", 3, []string{"no tag v9"}},
		{add + " --commit 0123456789", 3, []string{"no commit 0123456789", "the latest are"}},
		{"add processor -n p -g " + repository + " -m pyfi.processors.sampel", 3, []string{"pyfi.processors.sampel", "there are: " + sample}},
		{"spawn -g " + repository + " -m pyfi.processors.sampel", 3, []string{"there are: " + sample}},
		// Data.
		{"task run -s " + doThis + " -d @large", 2, []string{"data over the limit", "64 MiB"}},
		{"task run -s " + doThis + " -d NaN", 2, []string{"NaN"}},
		{"run " + doThis, 2, []string{"do_this(message, *args)", "missing message"}},
		{"run " + doThis + " 1 masage=2", 2, []string{"do_this(message, *args)", "masage"}},
		{"task run -s full -d 2", 8, []string{"full"}},
		// The command line.
		{"ad queue -n x", 2, []string{"flowcli ad", "flowcli add"}},
		{"add queu -n x", 2, []string{"flowcli add queu", "flowcli add queue"}},
		{"add queue --nmae x", 2, []string{"--nmae", "--name"}},
		{"add queue -n x -t star", 2, []string{`"star"`, "direct, fanout, topic"}},
		{"ls calls --state done", 2, []string{`"done"`, "finished"}},
		{"add node x", 2, []string{"by hand"}},
		// What others need.
		{"delete queue pyfi.queue1", 4, []string{"pyfi.queue1", doThis}},
		{"delete socket full", 4, []string{"full", "--force"}},
		{"delete node n1", 4, []string{"n1", "up"}},
	} {
		stdin, args := "", strings.Fields(bad.line)
		if i := slices.Index(args, "@large"); i > 0 {
			text, err := os.ReadFile(large)
			if err != nil {
				t.Fatal(err)
			}
			stdin, args = string(text), args[:i-1]
		}
		began := time.Now()
		out := try(t, w, address, stdin, args...)
		if out.Code != bad.code || out.Stdout != "" || !strings.HasPrefix(out.Stderr, "Error: ") && !strings.Contains(out.Stderr, "\nError: ") {
			t.Errorf("%s: exit code %d, want %d\n%s%s", bad.line, out.Code, bad.code, out.Stdout, out.Stderr)
		}
		for _, word := range bad.says {
			if !strings.Contains(out.Stderr, word) {
				t.Errorf("%s: it does not say %q:\n%s", bad.line, word, out.Stderr)
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: it took %v", bad.line, took)
		}
	}
	if after := everything(t, w, address); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

// TestNobodyAtTheAddress is told within two seconds, and what to do.
func TestNobodyAtTheAddress(t *testing.T) {
	w, err := New(bin(t), t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	out := try(t, w, w.Nodes[0].Address(), "", "ls", "queues")
	if took := time.Since(began); out.Code != 5 || !strings.Contains(out.Stderr, w.Nodes[0].Address()) || !strings.Contains(out.Stderr, "Hint: ") || took > 2*time.Second {
		t.Errorf("after %v: exit code %d, %s", took, out.Code, out.Stderr)
	}
}

// TestANodeThatHasNotJoinedSaysSo: whoever asks one that finds nobody to join
// hears soon what it looks for, and what to do.
func TestANodeThatHasNotJoinedSaysSo(t *testing.T) {
	w, err := New(bin(t), t.TempDir(), 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	absent, alone := w.Nodes[0], w.Nodes[1]
	if err := alone.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	if err := Until(ctx, "the API to be served", func() bool {
		conn, err := net.Dial("tcp", alone.Address())
		if err == nil {
			conn.Close()
		}
		return err == nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"ls", "nodes"}, {"ls", "calls"}, {"network"}} {
		began := time.Now()
		out := try(t, w, alone.Address(), "", args...)
		took := time.Since(began)
		if out.Code != 5 || !strings.Contains(out.Stderr, "node n2 has not joined a network yet") || !strings.Contains(out.Stderr, absent.GossipAddress()) ||
			!strings.Contains(out.Stderr, "--join") || took > 6*time.Second {
			t.Errorf("%v after %v: exit code %d, %s", args, took, out.Code, out.Stderr)
		}
	}
	if err := absent.Start(); err != nil {
		t.Fatal(err)
	}
	if err := Until(ctx, "the node to have joined", func() bool { return try(t, w, alone.Address(), "", "ls", "nodes").Code == 0 }); err != nil {
		t.Error(err)
	}
}

// TestBuildThatFails: a setup.py that raises makes the processor failed, with
// the last lines of the build.
func TestBuildThatFails(t *testing.T) {
	w, _ := started(t, 1)
	address := w.Nodes[0].Address()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"setup.py":  "print('configuring')\nraise RuntimeError('the compiler is missing')\n",
		"broken.py": "def work(x):\n    return x\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	repository, err := MakeRepository(ctx, dir, filepath.Join(t.TempDir(), "repository"))
	if err != nil {
		t.Fatal(err)
	}
	out := try(t, w, address, "", "spawn", "-g", repository, "-m", "broken")
	if out.Code != 1 || out.Stdout != "" || !strings.Contains(out.Stderr, "RuntimeError: the compiler is missing") {
		t.Errorf("spawn: exit code %d, %q\n%s", out.Code, out.Stdout, out.Stderr)
	}
	shown := cli(t, w, address, "", "ls", "processor", "broken")
	if !strings.Contains(shown, "failed") || !strings.Contains(shown, "the compiler is missing") {
		t.Errorf("ls processor:\n%s", shown)
	}
	id := strings.TrimSpace(cli(t, w, address, "", "run", "broken.work", "1", "--no-wait"))
	call := show(t, w, address, id)
	if call["state"] != "queued" || !strings.Contains(fmt.Sprint(call["waiting"]), "fail") {
		t.Errorf("its call is %v and waits for %v", call["state"], call["waiting"])
	}
}

// show gives a call as `task show` does.
func show(t testing.TB, w *Network, address, id string) map[string]any {
	t.Helper()
	var call map[string]any
	if err := json.Unmarshal([]byte(cli(t, w, address, "", "-o", "json", "task", "show", id)), &call); err != nil {
		t.Fatal(err)
	}
	return call
}

// TestCallsAreShownAsInTheReference: columns, events, newest first, paged.
func TestCallsAreShownAsInTheReference(t *testing.T) {
	w, repository := started(t, 1)
	quickstart(t, w, repository)
	address := w.Nodes[0].Address()
	for i := range 12 {
		cli(t, w, address, "", "run", doThis, fmt.Sprint(i), "--id", fmt.Sprint("call ", i))
	}
	list := cli(t, w, address, "", "ls", "calls")
	for _, column := range []string{"Page", "Row", "Name", "ID", "Owner", "Last Updated", "Socket", "Started", "Finished", "State"} {
		if !strings.Contains(list, " "+column+" ") {
			t.Errorf("ls calls has no column %s:\n%s", column, list)
		}
	}
	if !strings.Contains(list, "Page 1 of 2 of 13 total records") || strings.Count(list, "| finished |") != 10 {
		t.Errorf("ls calls:\n%s", list)
	}
	ids := strings.Fields(cli(t, w, address, "", "ls", "calls", "-i") + cli(t, w, address, "", "ls", "calls", "-i", "-p", "2"))
	if len(ids) != 13 {
		t.Fatalf("two pages have %d calls", len(ids))
	}
	for i, id := range ids[:12] {
		if got, want := show(t, w, address, id)["result"], fmt.Sprint("Do this String: ", 11-i); got != want {
			t.Errorf("call %d from the newest gave %v, want %s", i, got, want)
		}
	}
	text := cli(t, w, address, "", "ls", "call", "--id", ids[0])
	for _, part := range []string{"Provenance", "Task Parent", "Flow Parent", "Events", "received", "Received task " + doThis,
		"prerun", "Prerun for task " + doThis, "postrun", "Postrun for task"} {
		if !strings.Contains(text, part) {
			t.Errorf("ls call does not show %q:\n%s", part, text)
		}
	}
	call := show(t, w, address, ids[0])
	for _, field := range []string{"id", "name", "socket", "state", "owner", "started", "finished", "lastupdated", "tracking", "parent", "attempts", "result", "error"} {
		if _, there := call[field]; !there {
			t.Errorf("a call in JSON has no %s: %v", field, call)
		}
	}
	yaml := cli(t, w, address, "", "-o", "yaml", "ls", "calls", "-r", "1")
	if !strings.Contains(yaml, "id: "+ids[0]) || !strings.Contains(yaml, "state: finished") {
		t.Errorf("yaml:\n%s", yaml)
	}
}
