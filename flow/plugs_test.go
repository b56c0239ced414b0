package flow

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// link configures sockets of these tests, and plugs between them written as
// "A RESULT B one": from A, of a type, to B, to an argument or none.
func (w *world) link(plugs string, change ...func(*messages.ConfigureSocket)) {
	w.t.Helper()
	configs := map[string]*messages.ConfigureSocket{}
	var order []string
	of := func(id string) *messages.ConfigureSocket {
		if configs[id] == nil {
			configs[id] = &messages.ConfigureSocket{Socket: id, Name: "mod." + id, Processor: "P", Function: "f" + id}
			for _, p := range []string{"one", "two", "three"} {
				configs[id].Parameters = append(configs[id].Parameters, &messages.Parameter{Name: p, Kind: messages.ArgumentKind_POSITIONAL_OR_KEYWORD, HasDefault: p == "three"})
			}
			order = append(order, id)
		}
		return configs[id]
	}
	for _, line := range strings.Split(plugs, ";") {
		f := append(strings.Fields(line), "")
		name := strings.ToLower(f[0]+f[2]) + f[3]
		partition := partitionOfTests
		if strings.HasPrefix(f[2], "far") {
			partition++
		}
		of(f[0]).Plugs = append(of(f[0]).Plugs, &messages.PlugTo{Plug: "id-" + name, Name: name, Type: f[1], Target: f[2], TargetName: "mod." + f[2], Partition: uint32(partition), Argument: f[3]})
		if partition == partitionOfTests {
			of(f[2]).Incoming = append(of(f[2]).Incoming, &messages.PlugFrom{Plug: "id-" + name, Name: name, Source: f[0], SourceName: "mod." + f[0], Partition: uint32(partition), Argument: f[3]})
		}
	}
	for _, id := range order {
		for _, f := range change {
			f(configs[id])
		}
		w.do(configs[id])
	}
}

// runs finishes a call of a socket with a result, and gives the call's id.
func (w *world) runs(socket, name, result string, change ...func(*messages.Complete)) []*messages.Start {
	w.t.Helper()
	w.send(socket, name)
	for _, s := range Leases(w.state, "") {
		if messages.CallIDFrom(s.Call) == id(name) {
			change = append([]func(*messages.Complete){func(c *messages.Complete) { c.Result = []byte(result) }}, change...)
			return starts(w.answer(s, messages.Outcome_OK, change...))
		}
	}
	w.t.Fatalf("call %s does not run", name)
	return nil
}

// came gives the id of the message that a call's end sent by a plug.
func came(call, plug string) messages.CallID {
	return messages.DeriveCallID(id(call).String(), "id-"+plug, 0, partitionOfTests)
}

func (w *world) wantGate(socket, want string) {
	w.t.Helper()
	g, _ := Gate(w.state, socket)
	var parts []string
	for _, in := range g.GetInputs() {
		parts = append(parts, fmt.Sprintf("%s%s:%d", in.Argument, in.Plug, in.Waiting))
	}
	if got := strings.Join(parts, " "); got != want {
		w.t.Errorf("the gate of %s holds %q, want %q", socket, got, want)
	}
}

func (w *world) wantDead(reasons ...string) {
	w.t.Helper()
	var calls []*messages.Call
	for _, l := range DeadLetters(w.state, &messages.DeadQuery{Rows: 100}).Letters {
		calls = append(calls, l.Call)
	}
	for i := range max(len(calls), len(reasons)) {
		if i >= len(calls) || i >= len(reasons) || !strings.Contains(calls[i].Error.GetType()+": "+calls[i].Error.GetMessage(), reasons[i]) {
			w.t.Fatalf("dead letters are %v, want %q", calls, reasons)
		}
	}
}

func TestResultGoesOnByPlug(t *testing.T) {
	w := newWorld(t)
	w.link("A RESULT B")
	w.grant("n1/1", "0", 1)
	s := w.runs("A", "a", `"x"`)
	if len(s) != 1 || string(s[0].Arguments.Positional[0]) != `"x"` || s[0].Socket != "B" {
		t.Fatalf("started %v", s)
	}
	c := w.getID(came("a", "ab"))
	if messages.CallIDFrom(c.Parent) != id("a") || messages.CallIDFrom(c.Tracking) != id("a") || c.Owner != "ada" || c.Plug != "ab" || c.Hops != 1 {
		t.Errorf("call is %v", c)
	}
	if p := ListCalls(w.state, &messages.ListCallsRequest{Tracking: id("a").String()}, nil, 0, w.now); p.Total != 2 {
		t.Errorf("the run has %d calls", p.Total)
	}
}

func TestOnlyTheErrorPlugOfAFailedCallFires(t *testing.T) {
	w := newWorld(t)
	w.link("A RESULT B; A ERROR C")
	w.grant("n1/1", "0", 1)
	s := w.one(w.send("A", "a"), "a")
	r := w.answer(s, messages.Outcome_BAD_RESULT, func(c *messages.Complete) {
		c.Failure = &messages.Failure{Type: "ValueError", Message: "<no>", Traceback: "line 1"}
	})
	e := starts(r)
	if len(e) != 1 || e[0].Socket != "C" {
		t.Fatalf("started %v", e)
	}
	var got map[string]string
	if err := json.Unmarshal(e[0].Arguments.Positional[0], &got); err != nil {
		t.Fatal(err)
	}
	if got["type"] != "ValueError" || got["message"] != "<no>" || got["traceback"] != "line 1" || got["call"] != id("a").String() {
		t.Errorf("the ERROR plug carried %v", got)
	}
	w.ok(e[0])
	w.wantDead("ValueError: <no>")
	if e = w.runs("A", "b", "1"); len(e) != 1 || e[0].Socket != "B" {
		t.Errorf("a success started %v", e)
	}
}

func TestErrorPlugsFireForExpiredAndNotForCancelled(t *testing.T) {
	w := newWorld(t)
	w.link("A ERROR B", func(c *messages.ConfigureSocket) { c.MessageTtl = map[string]int64{"A": 10}[c.Socket] })
	w.send("A", "a", "b")
	w.do(&messages.Cancel{Call: id("b").Bytes()})
	w.later(second)
	w.ticks()
	w.is("a", isExpired)
	if c := w.getID(came("a", "ab")); c.State != isQueued || !strings.Contains(string(c.Arguments.Positional[0]), `"type":"expired"`) {
		t.Errorf("call is %v", c)
	}
	if Count(w.state, "B").Total != 1 {
		t.Error("a cancelled call fired its ERROR plug")
	}
}

func TestFunctionRoutesByPlugs(t *testing.T) {
	w := newWorld(t)
	w.link("A RESULT B; A RESULT C; A ERROR D")
	w.grant("n1/1", "0", 1)
	s := w.runs("A", "a", "1", func(c *messages.Complete) {
		c.Output, c.Log = []byte(`{"k": 1.0}`), []byte("printed")
		c.Routed = named("ac", `{"big": 9223372036854775809}`, "ad", "2", "nobody", "1")
	})
	if len(s) != 1 || s[0].Socket != "C" || string(s[0].Arguments.Positional[0]) != `{"big": 9223372036854775809}` {
		t.Fatalf("started %v", s)
	}
	c := w.is("a", isFinished)
	if want := "printed\nplugs: socket mod.A has no RESULT plug named ad, nobody\n"; string(c.Log) != want || string(c.Output) != `{"k": 1.0}` {
		t.Errorf("log %q, output %q", c.Log, c.Output)
	}
	w.ok(s[0])
	if s = w.runs("A", "b", "1"); len(s) != 1 || Count(w.state, "B").Total != 1 || Count(w.state, "C").Total != 2 {
		t.Errorf("a function that named no plug started %v", s)
	}
	w.do(&messages.EndSession{Session: "n1/1"})
	w.grant("n1/2", "0", 4)
	w.runs("A", "c", "1", func(c *messages.Complete) { c.Routed = named("ac", "NaN") })
	if c := w.is("c", isFailed); !strings.Contains(c.Error.Message, "what it put into plugs for ac is not JSON") {
		t.Errorf("failed with %v", c.Error)
	}
}

// named makes named values of names and texts.
func named(pairs ...string) (all []*messages.NamedValue) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, &messages.NamedValue{Name: pairs[i], Value: []byte(pairs[i+1])})
	}
	return all
}

func TestPlugToAnotherPartitionLeavesWithTheEnd(t *testing.T) {
	w := newWorld(t)
	w.link("A RESULT far one")
	w.grant("n1/1", "0", 1)
	w.runs("A", "a", "1")
	n := 0
	for m := range outbox.PendingTo(w.state, partitionOfTests+1) {
		n++
		arrive, err := m.Command.Decode()
		if a, ok := arrive.(*messages.Arrive); err != nil || !ok || a.Socket != "far" || a.Argument != "one" || messages.CallIDFrom(a.Id).Partition() != partitionOfTests+1 {
			t.Errorf("posted %v, %v", arrive, err)
		}
	}
	if n != 1 {
		t.Errorf("%d messages were posted", n)
	}
}

func TestTargetThatIsGoneIsADeadLetter(t *testing.T) {
	w := newWorld(t)
	w.link("A RESULT B")
	w.do(&messages.RemoveSocket{Socket: "B"})
	w.grant("n1/1", "0", 1)
	w.runs("A", "a", "7")
	w.wantDead("dead_letter: its target, socket mod.B, is gone")
	if c := w.getID(came("a", "ab")); c.State != isFailed || string(c.Arguments.Positional[0]) != "7" {
		t.Errorf("message is %v", c)
	}
}

func TestRunawayCycleEndsWithADeadLetter(t *testing.T) {
	w := newWorld(t)
	w.link("A RESULT A")
	w.grant("n1/1", "0", 1)
	s := w.runs("A", "a", "1")
	hops := 1
	for ; len(s) > 0; hops++ {
		over := starts(w.quick(s[0]))
		s = over
		if hops > messages.MaxHops+1 {
			t.Fatal("it goes on")
		}
	}
	w.wantDead("it seems to go round without end")
}

// quick finishes a call without checking everything.
func (w *world) quick(s *messages.Start) messages.Result {
	w.t.Helper()
	c, _ := messages.NewCommand(&messages.Complete{Session: s.Session, Slot: s.Slot, Call: s.Call, Attempt: s.Attempt, Outcome: messages.Outcome_OK, Result: []byte("1")})
	w.index++
	r, err := (&Machine{Group: partitionOfTests}).Apply(w.state, w.index, w.now, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func TestFullTargetHoldsItsSourcesBack(t *testing.T) {
	w := newWorld(t)
	limit := func(c *messages.ConfigureSocket) { c.MaxLength = map[string]int64{"B": 2}[c.Socket] }
	w.link("A RESULT B", limit)
	w.do(&messages.ConfigureProcessor{Processor: "R", Commit: "r1", Status: "running"})
	w.do(&messages.ConfigureSocket{Socket: "B", Name: "mod.B", Processor: "R", MaxLength: 2,
		Incoming: []*messages.PlugFrom{{Plug: "id-ab", Name: "ab", Source: "A", Partition: uint32(partitionOfTests)}}})
	w.grant("n1/1", "0", 1)
	w.runs("A", "a", "1")
	w.runs("A", "b", "1")
	w.send("A", "c")
	w.is("c", isQueued)
	w.waits("c", "held back: socket mod.B is full, where plug ab leads")
	s := starts(w.do(&messages.Grant{Session: "n1/1", Slot: "1", Processor: "R", Commit: "r1", Window: 1}))
	if len(s) != 2 || s[1].Socket != "A" { // B leases one, and so has room again
		t.Fatalf("started %v", s)
	}
}
