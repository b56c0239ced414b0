//go:build e2e

package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	doSomething = "pyfi.processors.sample.do_something"
	doThis      = "pyfi.processors.sample.do_this"
	addTwo      = "pyfi.processors.sample.add_two"
	typeOf      = "pyfi.processors.sample.type_of"
)

// bin is where make build puts the binaries.
func bin(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node")); err != nil {
		t.Fatalf("%v; run make build first", err)
	}
	return dir
}

// started gives a running network of n nodes and the address of an example repository.
func started(t testing.TB, n int, flags ...string) (*Network, string) {
	t.Helper()
	return startedFrom(t, bin(t), n, flags...)
}

func startedFrom(t testing.TB, bin string, n int, flags ...string) (*Network, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	repository, err := MakeRepository(ctx, "../../examples/processors", filepath.Join(dir, "repository"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(bin, dir, n, flags...)
	if err != nil {
		t.Fatal(err)
	}
	serves(ctx, t, w)
	return w, repository
}

// serves starts a network for the length of a test, and waits until it serves.
func serves(ctx context.Context, t testing.TB, w *Network) {
	t.Helper()
	t.Cleanup(func() {
		w.Close()
		if t.Failed() {
			showLogs(t, w)
		}
	})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	if err := w.WaitReady(ctx, tolerated(len(w.Nodes))); err != nil {
		t.Fatal(err)
	}
}

// tolerated is how many losses a healthy network of n nodes survives: three
// voters in each partition from three nodes on.
func tolerated(n int) int {
	if n >= 3 {
		return 1
	}
	return 0
}

func showLogs(t testing.TB, w *Network) {
	for _, n := range w.Nodes {
		log, _ := os.ReadFile(n.LogFile())
		lines := strings.Split(string(log), "\n")
		t.Logf("last of %s:\n%s", n.LogFile(), strings.Join(lines[max(0, len(lines)-40):], "\n"))
	}
}

// cli runs flowcli, which must succeed, and gives what it wrote to stdout.
func cli(t testing.TB, w *Network, address, stdin string, args ...string) string {
	t.Helper()
	out := try(t, w, address, stdin, args...)
	if out.Code != 0 {
		t.Fatalf("flowcli %s: exit code %d\n%s%s", strings.Join(args, " "), out.Code, out.Stdout, out.Stderr)
	}
	return out.Stdout
}

func try(t testing.TB, w *Network, address, stdin string, args ...string) Output {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := w.CLI(ctx, address, strings.NewReader(stdin), args...)
	if err != nil {
		t.Fatalf("flowcli %s: %v\n%s%s", strings.Join(args, " "), err, out.Stdout, out.Stderr)
	}
	return out
}

// quickstart types the commands of 'Creating Your First Flow'.
func quickstart(t testing.TB, w *Network, repository string) {
	t.Helper()
	address := w.Nodes[0].Address()
	cli(t, w, address, "", "add", "queue", "-n", "pyfi.queue1", "-t", "direct")
	cli(t, w, address, "", "add", "processor", "-n", "proc1", "-g", repository, "-m", "pyfi.processors.sample", "-h", "localhost", "-c", "5")
	cli(t, w, address, "", "add", "socket", "-n", doSomething, "-q", "pyfi.queue1", "-pn", "proc1", "-t", "do_something")
	cli(t, w, address, "", "add", "socket", "-n", doThis, "-q", "pyfi.queue1", "-pn", "proc1", "-t", "do_this")
	got := cli(t, w, address, "", "task", "run", "--socket", doThis, "--data", "['some data']")
	if want := "Do this String: some data\n"; got != want {
		t.Fatalf("quickstart gave %q, want %q", got, want)
	}
}

func addSocket(t testing.TB, w *Network, name string) {
	t.Helper()
	function := name[strings.LastIndex(name, ".")+1:]
	cli(t, w, w.Nodes[0].Address(), "", "add", "socket", "-n", name, "-q", "pyfi.queue1", "-pn", "proc1", "-t", function)
}

// TestAcceptanceRows are rows 1 to 5, 16 and 18 of the acceptance table, on one
// node and on three, through any node.
func TestAcceptanceRows(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) {
			w, repository := started(t, n)
			quickstart(t, w, repository)
			addSocket(t, w, addTwo)
			addSocket(t, w, typeOf)
			for _, node := range w.Nodes {
				t.Run("through "+node.Name, func(t *testing.T) { rows(t, w, node.Address()) })
			}
			t.Run("row 16", func(t *testing.T) { stoppedAndStarted(t, w) })
		})
	}
}

func rows(t *testing.T, w *Network, address string) {
	run := func(socket, stdin string, args ...string) string {
		return cli(t, w, address, stdin, append([]string{"task", "run", "-s", socket}, args...)...)
	}
	three := run(doSomething, "HI THERE!\n")
	for _, row := range []struct{ name, got, want string }{
		{"1", run(doThis, "", "-d", "['some data']"), "Do this String: some data\n"},
		{"2", run(doSomething, "", "-d", `"HI!!!"`), "TEXT:HI!!!\n"},
		{"3", three, "TEXT:HI THERE!\n"},
		{"4", run(doThis, strings.TrimSuffix(three, "\n")+" string\n"), "Do this String: TEXT:HI THERE! string\n"},
		{"5", run(addTwo, "", "-d", `{"one": 2, "two": 3}`), "5\n"},
		{"18 big", run(typeOf, "", "-d", "9223372036854775809"), `{"type":"int","repr":"9223372036854775809"}` + "\n"},
		{"18 int", run(typeOf, "", "-d", "1"), `{"type":"int","repr":"1"}` + "\n"},
		{"18 float", run(typeOf, "", "-d", "1.0"), `{"type":"float","repr":"1.0"}` + "\n"},
		{"18 list", run(typeOf, "", "-d", `[["it's", None, (1,)]]`), `{"type":"list","repr":"[\"it's\", None, [1]]"}` + "\n"},
	} {
		if row.got != row.want {
			t.Errorf("row %s gave %q, want %q", row.name, row.got, row.want)
		}
	}
	out := try(t, w, address, "", "task", "run", "-s", typeOf, "-d", "NaN")
	if out.Code == 0 || !strings.Contains(out.Stderr, "NaN") {
		t.Errorf("row 18: NaN gave exit code %d, %q", out.Code, out.Stderr)
	}
}

// stoppedAndStarted is row 16: five calls sent to a stopped processor run when
// it is started.
func stoppedAndStarted(t *testing.T, w *Network) {
	address := w.Nodes[len(w.Nodes)-1].Address()
	cli(t, w, address, "", "proc", "stop", "proc1")
	var ids []string
	for i := range 5 {
		id := cli(t, w, address, "", "task", "run", "-s", doThis, "-d", fmt.Sprint(i), "--no-wait")
		ids = append(ids, strings.TrimSpace(id))
	}
	for _, id := range ids {
		var call struct{ State string }
		if err := json.Unmarshal([]byte(cli(t, w, address, "", "task", "show", id, "-o", "json")), &call); err != nil || call.State != "queued" {
			t.Errorf("call %s to a stopped processor is %q, %v", id, call.State, err)
		}
	}
	cli(t, w, address, "", "proc", "start", "proc1")
	for i, id := range ids {
		if got, want := cli(t, w, address, "", "task", "result", id), fmt.Sprintf("Do this String: %d\n", i); got != want {
			t.Errorf("result of call %d is %q, want %q", i, got, want)
		}
	}
}
