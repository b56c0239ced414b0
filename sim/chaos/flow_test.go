//go:build e2e

package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// flowTest is a network with two processors, whose sockets are in different
// partitions: near and far.
type flowTest struct {
	*testing.T
	w       *Network
	address string
}

// TestFlowRows are rows 11 to 15 of the acceptance table on one node and on
// three: plugs within a partition, and from one to another.
func TestFlowRows(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) {
			w, repository := started(t, n)
			flowTest{t, w, w.Nodes[n-1].Address()}.rows(repository)
		})
	}
}

func (f flowTest) rows(repository string) {
	t := f.T
	f.cli("add", "queue", "-n", "q")
	for _, name := range []string{"near", "far"} {
		f.cli("add", "processor", "-n", name, "-g", repository, "-m", "pyfi.processors.sample", "-c", "1")
	}
	for _, from := range []string{"near", "far"} {
		t.Run("rows 11 to 13 from "+from, func(t *testing.T) { f.with(t).gateRows(from) })
		t.Run("row 14 from "+from, func(t *testing.T) { f.with(t).resultRow(from) })
		t.Run("row 15 from "+from, func(t *testing.T) { f.with(t).errorRow(from) })
	}
	t.Run("bad input changes nothing", func(t *testing.T) { f.with(t).badInput() })
}

func (f flowTest) with(t *testing.T) flowTest { return flowTest{t, f.w, f.address} }

func (f flowTest) cli(args ...string) string {
	f.Helper()
	return strings.TrimSuffix(cli(f.T, f.w, f.address, "", args...), "\n")
}

func (f flowTest) socket(name, processor, function string, flags ...string) string {
	f.Helper()
	f.cli(append([]string{"add", "socket", "-n", name, "-q", "q", "-pn", processor, "-t", function}, flags...)...)
	return name
}

func (f flowTest) plug(name, source, target string, flags ...string) {
	f.Helper()
	f.cli(append([]string{"add", "plug", "-n", name, "-q", "q", "-s", source, "-t", target}, flags...)...)
}

func (f flowTest) run(socket string, data any) string {
	f.Helper()
	return f.cli("task", "run", "-s", socket, "-d", fmt.Sprint(data))
}

type callRow struct {
	ID, Socket, State, Parent, Tracking, Plug string
	Result                                    json.RawMessage
}

// calls gives the calls of a socket, the oldest first, once there are so many
// and all have ended.
func (f flowTest) calls(socket string, n int) (found []callRow) {
	f.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := Until(ctx, fmt.Sprintf("%d calls of %s have ended", n, socket), func() bool {
		var list struct{ Calls []callRow }
		if err := json.Unmarshal([]byte(f.cli("-o", "json", "ls", "calls", "-s", socket, "-a", "-r", "100")), &list); err != nil {
			f.Fatal(err)
		}
		found = list.Calls
		return len(found) >= n && !slices.ContainsFunc(found, func(c callRow) bool { return c.State != "finished" && c.State != "failed" })
	})
	if err != nil || len(found) != n {
		f.Fatalf("%v; socket %s has the calls %+v, want %d", err, socket, found, n)
	}
	return found
}

// gate waits until a gate is filled like this: "one:1 two:0".
func (f flowTest) gate(socket, want string) {
	f.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var got string
	err := Until(ctx, "the gate of "+socket+" holds "+want, func() bool {
		var list struct {
			Gates []struct {
				Inputs []struct {
					Argument string
					Waiting  int
				}
			}
		}
		if err := json.Unmarshal([]byte(f.cli("-o", "json", "ls", "gates", socket)), &list); err != nil {
			f.Fatal(err)
		}
		var parts []string
		for _, g := range list.Gates {
			for _, in := range g.Inputs {
				parts = append(parts, fmt.Sprintf("%s:%d", in.Argument, in.Waiting))
			}
		}
		got = strings.Join(parts, " ")
		return got == want
	})
	if err != nil {
		f.Fatalf("%v; it holds %q", err, got)
	}
}

// gateRows are rows 11 to 13, and an argument that a client sends to the gate.
func (f flowTest) gateRows(from string) {
	one := f.socket("one-"+from, from, "emit_one", "--ordered")
	two := f.socket("two-"+from, from, "emit_two", "--ordered")
	add := f.socket("add-"+from, "near", "add_two")
	f.plug("p1-"+from, one, add, "--argument", "one", "--type", "RESULT")
	f.plug("p2-"+from, two, add, "--argument", "two")

	f.run(one, 1)
	f.gate(add, "one:1 two:0")
	f.calls(add, 0)
	if list := f.cli("ls", "calls", "-s", add); !strings.Contains(list, "Not listed: 1 messages that wait at gates") {
		f.Errorf("ls calls says nothing of what waits at the gate:\n%s", list)
	}
	f.run(two, 4)
	if c := f.calls(add, 1)[0]; string(c.Result) != "5" {
		f.Errorf("row 11 gave %+v", c)
	}
	f.run(two, 4) // in the other order
	f.gate(add, "one:0 two:1")
	f.run(one, 1)
	if c := f.calls(add, 2)[1]; string(c.Result) != "5" {
		f.Errorf("row 11, the other way round, gave %+v", c)
	}
	f.run(one, 10)
	f.gate(add, "one:1 two:0")
	f.calls(add, 2) // row 12: it does not run
	if got := f.cli("task", "run", "-s", add, "--argument", "two=5"); got != "15" {
		f.Errorf("--argument two=5 gave %q", got)
	}
	for _, n := range []int{1, 2, 3} {
		f.run(one, n)
	}
	f.gate(add, "one:3 two:0")
	for _, n := range []int{10, 20, 30} {
		f.run(two, n)
	}
	var results []string
	for _, c := range f.calls(add, 6)[3:] {
		results = append(results, string(c.Result))
	}
	if got := strings.Join(results, " "); got != "11 22 33" {
		f.Errorf("row 13 gave %s", got)
	}
	f.gate(add, "one:0 two:0")
	if got := f.run(add, `{"one": 2, "two": 3}`); got != "5" {
		f.Errorf("data for all arguments gave %q", got)
	}
}

func (f flowTest) resultRow(from string) {
	source := f.socket("something-"+from, from, "do_something")
	target := f.socket("this-"+from, "near", "do_this")
	f.plug("p3-"+from, source, target)
	f.run(source, `'x'`)
	first, second := f.calls(source, 1)[0], f.calls(target, 1)[0]
	if string(second.Result) != `"Do this String: TEXT:x"` {
		f.Errorf("row 14 gave %s", second.Result)
	}
	if second.Parent != first.ID || second.Tracking != first.Tracking || first.Tracking != first.ID {
		f.Errorf("provenance: %+v caused %+v", first, second)
	}
	if drawn := f.cli("ls", "call", "--id", first.ID, "--flow"); !strings.Contains(drawn, source+" (1 finished)\n") || !strings.Contains(drawn, "    "+target+" (1 finished)\n") {
		f.Errorf("ls call --flow draws\n%s", drawn)
	}
	for _, flag := range []string{"--tree", "--graph"} {
		lines := strings.Split(f.cli("ls", "call", "--id", first.ID, flag), "\n")
		if len(lines) != 3 || lines[0] != source || !strings.Contains(lines[1], "└─") || strings.TrimSpace(lines[2]) != target {
			f.Errorf("ls call %s draws\n%s", flag, strings.Join(lines, "\n"))
		}
	}
}

func (f flowTest) errorRow(from string) {
	bad := f.socket("bad-"+from, from, "fail")
	good := f.socket("good-"+from, "near", "do_something")
	errors := f.socket("errors-"+from, "near", "do_this")
	f.plug("p4-"+from, bad, good, "--type", "RESULT")
	f.plug("p5-"+from, bad, errors, "--type", "ERROR")
	if out := try(f.T, f.w, f.address, "", "task", "run", "-s", bad, "-d", "['on purpose']"); out.Code == 0 {
		f.Errorf("a failing call gave %q", out.Stdout)
	}
	got := string(f.calls(errors, 1)[0].Result)
	for _, word := range []string{"'type': 'ValueError'", "on purpose", "Traceback", f.calls(bad, 1)[0].ID} {
		if !strings.Contains(got, word) {
			f.Errorf("the ERROR plug carried %s: it lacks %s", got, word)
		}
	}
	f.calls(good, 0)
	fine := f.socket("fine-"+from, from, "emit_one")
	f.plug("p6-"+from, fine, good, "--type", "RESULT")
	f.plug("p7-"+from, fine, errors, "--type", "ERROR")
	f.run(fine, 3)
	if c := f.calls(good, 1)[0]; string(c.Result) != `"TEXT:3"` {
		f.Errorf("the RESULT plug gave %+v", c)
	}
	f.calls(errors, 1)
}

func (f flowTest) badInput() {
	before := f.cli("-o", "json", "ls", "plugs")
	for _, row := range []struct{ want, args string }{
		{"one, two", "add plug -n x -s one-near -t add-near --argument three"},
		{"nowhere", "add plug -n x -s one-near -t nowhere"},
		{"p1-near", "add plug -n p1-near -s one-near -t add-near"},
		{"SOMETIMES", "add plug -n x -s one-near -t add-near --type SOMETIMES"},
		{"plugs need it: p1-near", "delete socket -n one-near"},
		{"does not wait for three", "task run -s add-near --argument three=1"},
		{"has no gate", "task run -s one-near --argument one=1"},
	} {
		out := try(f.T, f.w, f.address, "", strings.Fields(row.args)...)
		if out.Code == 0 || !strings.Contains(out.Stderr, row.want) {
			f.Errorf("flowcli %s: exit code %d, %q lacks %q", row.args, out.Code, out.Stderr, row.want)
		}
	}
	if after := f.cli("-o", "json", "ls", "plugs"); after != before {
		f.Errorf("plugs were\n%s, and are\n%s", before, after)
	}
}
