package flow

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

const flowEpisodes = 2000

// TestPlugsAndGatesDoWhatTheOracleSays runs sockets in two partitions, plugs
// between them that come and go, and a courier that is late and repeats itself.
// Both partitions must say what their oracles say after each command; in the end
// each call must have sent what its plugs at that time were to send, once, and
// nothing may be stranded.
func TestPlugsAndGatesDoWhatTheOracleSays(t *testing.T) {
	var mu sync.Mutex // guards what is counted
	seen, steps, n := map[string]int{}, 0, 0
	lives(t, flowEpisodes, func(t *testing.T, i int, seed uint64) {
		f := newFlowTest(t, seed)
		f.run(100, i%checkedEpisodes == 0)
		f.drain()
		mu.Lock()
		defer mu.Unlock()
		f.count(seen)
		steps, n = steps+len(f.sides[0].log)+len(f.sides[1].log), n+1
	})
	t.Logf("%d steps in %d lives of two partitions", steps, n)
	for _, what := range []string{"joined", "dead", "cancelled", "by plug", "errors", "across", "held back", "waiting", "published", "by routing key", "large", "large published"} {
		if seen[what] < n/50 {
			t.Errorf("the episodes met %v: too few are %s", seen, what)
		}
	}
}

// flowTest is a network of two partitions.
type flowTest struct {
	t     testing.TB
	rng   *rand.Rand
	sides [2]*episode
	plugs []*testPlug
	wait  map[string]bool
	added int
	seen  map[string]int

	queues map[string]*testQueue
}

type testPlug struct{ name, kind, source, target, argument string }

var flowSockets = []string{"A0", "B0", "G0", "A1", "B1", "G1"}

func groupOf(socket string) messages.GroupID {
	return partitionOfTests + messages.GroupID(socket[1]-'0')
}

func newFlowTest(t testing.TB, seed uint64) *flowTest {
	f := &flowTest{t: t, rng: rand.New(rand.NewPCG(seed, 11)), wait: map[string]bool{}, seen: map[string]int{}}
	f.queues = map[string]*testQueue{"Q0": {}, "Q1": {}}
	for i := range f.sides {
		e := newEpisode(t, seed)
		e.group, e.rng, e.flow = partitionOfTests+messages.GroupID(i), f.rng, f
		e.oracle.group = e.group
		f.sides[i] = e
	}
	return f
}

func (f *flowTest) side(socket string) *episode { return f.sides[groupOf(socket)-partitionOfTests] }

func (f *flowTest) run(commands int, checked bool) {
	for _, e := range f.sides {
		e.step(&messages.ConfigureProcessor{Processor: "P", Name: "P", Commit: "c1", Status: "running", Retries: 1}, checked)
	}
	for range 2 + f.rng.IntN(6) {
		f.plug()
	}
	f.bind(checked)
	for _, k := range flowSockets {
		f.configure(k, checked)
	}
	for range commands {
		e := f.sides[f.rng.IntN(2)]
		now := max(f.sides[0].now, f.sides[1].now)
		f.sides[0].now, f.sides[1].now = now, now
		switch n := f.rng.IntN(100); {
		case n < 30:
			f.courier(checked)
		case n < 34:
			f.rewire(checked)
		case n < 36:
			f.bind(checked)
		case n < 42:
			e.step(f.toGate(e), checked)
		case n < 45:
			if len(e.oracle.arrivals) > 0 {
				a := e.oracle.arrivals[f.rng.IntN(len(e.oracle.arrivals))]
				e.step(&messages.Cancel{Call: a.id.Bytes()}, checked)
			}
		default:
			e.step(e.flowCommand(), checked)
		}
	}
	for _, e := range f.sides {
		e.compare()
	}
}

// flowCommand is a random command of one partition.
func (e *episode) flowCommand() proto.Message {
	if m := e.neighbour(); m != nil {
		return m
	}
	e.now += int64(e.rng.IntN(3)) * int64(e.rng.IntN(300_000))
	e.aDayLater()
	local := []string{}
	for _, k := range flowSockets {
		if groupOf(k) == e.group {
			local = append(local, k)
		}
	}
	if e.one(40) {
		e.now += int64(e.rng.IntN(7)) * 60_000_000
	}
	switch n := e.rng.IntN(128); {
	case n >= 114:
		return e.flow.publish(e)
	case n >= 100:
		return e.putChunk()
	case n < 25:
		return e.maybeFirst(&messages.Enqueue{Id: e.newID(300).Bytes(), Socket: e.pick(local...),
			Arguments: e.arguments(), Content: []byte("x"), Owner: e.pick("ada", "bob"), Priority: int32(e.rng.IntN(2))})
	case n < 45:
		return &messages.Grant{Session: e.session(), Slot: e.pick("0", "1"), Processor: "P", Commit: "c1", Window: uint32(1 + e.rng.IntN(3)), Node: "node"}
	case n < 82:
		if e.one(5) {
			return e.completeBatch()
		}
		c := e.complete()
		if c.Outcome == messages.Outcome_OK && e.one(4) {
			c.Routed = e.flow.routes(e)
		}
		return c
	case n < 84:
		return e.endSession()
	case n < 91:
		return &messages.Tick{}
	case n < 94:
		return e.deadCommand()
	case n < 97:
		return &messages.Cancel{Call: e.someCall().Bytes()}
	case n < 98:
		return &messages.RemoveSocket{Socket: e.pick(local...), Force: e.one(2)}
	default:
		return e.flow.configuration(e.pick(local...))
	}
}

// routes is what a function put into plugs: some that there are, some that not.
func (f *flowTest) routes(e *episode) []*messages.NamedValue {
	name := "nobody"
	if len(f.plugs) > 0 && f.rng.IntN(4) > 0 {
		name = f.plugs[f.rng.IntN(len(f.plugs))].name
	}
	value := fmt.Appendf(nil, `[1.0, %d]`, f.rng.IntN(100))
	if e.one(4) {
		value = e.large()
	}
	return []*messages.NamedValue{{Name: name, Value: value}}
}

func (f *flowTest) toGate(e *episode) proto.Message {
	socket := fmt.Sprintf("G%d", e.group-partitionOfTests)
	if f.rng.IntN(4) == 0 {
		socket = fmt.Sprintf("B%d", e.group-partitionOfTests)
	}
	key := fmt.Sprintf("arrival %d", f.rng.IntN(60))
	return &messages.Enqueue{Id: messages.NewCallID(key, e.group, 0).Bytes(), Socket: socket, ToGate: true, Owner: "cat", Content: []byte("x"),
		Arguments: &messages.Arguments{Named: []*messages.NamedValue{{Name: e.pick("one", "two", "three", "four"), Value: e.oneArgument()}}}}
}

// ------------------------------------------------------------------ plugs

func (f *flowTest) plug() {
	f.added++
	pick := f.sides[0].pick
	p := &testPlug{name: fmt.Sprintf("p%d", f.added), kind: pick("RESULT", "RESULT", "ERROR"), source: pick(flowSockets...), target: pick("G0", "G1", pick(flowSockets...))}
	if p.target[0] == 'G' {
		p.argument = pick("one", "two", "two", "three", "")
	}
	f.plugs = append(f.plugs, p)
}

// rewire adds or takes away a plug, and tells both partitions, in either order.
func (f *flowTest) rewire(checked bool) {
	if len(f.plugs) > 0 && f.rng.IntN(2) == 0 {
		at := f.rng.IntN(len(f.plugs))
		f.plugs = slices.Delete(f.plugs, at, at+1)
	} else {
		f.plug()
	}
	for _, k := range flowSockets {
		f.configure(k, checked)
	}
}

func (f *flowTest) configure(socket string, checked bool) {
	f.side(socket).step(f.configuration(socket), checked)
}

// configuration is what the model would say of a socket now.
func (f *flowTest) configuration(socket string) *messages.ConfigureSocket {
	c := &messages.ConfigureSocket{Socket: socket, Name: socket, Processor: "P", Function: "f", Ordered: socket[0] == 'B'}
	for _, p := range f.plugs {
		if p.source == socket {
			c.Plugs = append(c.Plugs, &messages.PlugTo{Plug: "id " + p.name, Name: p.name, Type: p.kind, Target: p.target, TargetName: p.target,
				Partition: uint32(groupOf(p.target)), Argument: p.argument, Cyclic: f.reaches(p.target, p.source, nil)})
		}
		if p.target == socket {
			c.Incoming = append(c.Incoming, &messages.PlugFrom{Plug: "id " + p.name, Name: p.name, Source: p.source, SourceName: p.source,
				Partition: uint32(groupOf(p.source)), Argument: p.argument, Cyclic: f.reaches(p.target, p.source, nil)})
		}
	}
	for _, name := range []string{"one", "two", "three"} {
		c.Parameters = append(c.Parameters, &messages.Parameter{Name: name, Kind: messages.ArgumentKind_POSITIONAL_OR_KEYWORD, HasDefault: name == "three"})
	}
	one := f.sides[0].one
	if one(3) {
		c.MaxLength = int64(1 + f.rng.IntN(5))
	}
	if one(6) {
		c.MessageTtl = int64(1 + f.rng.IntN(1000))
	}
	if one(8) {
		c.Ratelimit = f.sides[0].pick("3/s", "60/s")
	}
	f.atHome(socket, c)
	c.Retention = f.sides[0].retention()
	if socket[0] == 'G' {
		c.Wait = one(6)
		c.Correlate = f.sides[0].pick("", "", "tracking")
		c.Overflow = f.sides[0].pick("", "block", "dead_letter")
		if one(4) {
			c.GateTimeout = int64(1 + f.rng.IntN(2000))
		}
	}
	return c
}

func (f *flowTest) reaches(from, to string, passed []string) bool {
	if from == to {
		return true
	}
	passed = append(passed, from)
	for _, p := range f.plugs {
		if p.source == from && !slices.Contains(passed, p.target) && f.reaches(p.target, to, passed) {
			return true
		}
	}
	return false
}

// ------------------------------------------------------------------ courier

// courier carries a message of one partition's outbox to the other: mostly the
// next, now and then one that it carried before, or one too early. It forgets to
// say that they have arrived for a while.
func (f *flowTest) courier(checked bool) {
	from, to := f.sides[0], f.sides[1]
	if f.rng.IntN(2) == 0 {
		from, to = to, from
	}
	f.comparePosted(from, to)
	pending := slices.Collect(outbox.PendingTo(from.state, to.group))
	next := to.oracle.heard[uint32(from.group)]
	for i, m := range pending {
		if m.Seq == next+1 || m.Seq <= next && f.rng.IntN(2) == 0 || f.rng.IntN(10) == 0 {
			d, last := outbox.Pack(from.group, pending[i:min(len(pending), i+1+f.rng.IntN(4))])
			if f.rng.IntN(4) > 0 {
				f.carryValues(from, to, m.Seq, last, checked)
			}
			to.step(d, checked)
			break
		}
	}
	if f.rng.IntN(3) == 0 {
		from.step(&messages.Delivered{To: uint32(to.group), Seq: to.oracle.heard[uint32(from.group)]}, checked)
	}
}

// carryValues sends the large values of messages before them.
func (f *flowTest) carryValues(from, to *episode, first, last uint64, checked bool) {
	for _, r := range Sent(from.state, to.group, first, last) {
		for _, c := range putAll(r) {
			to.step(c, checked)
		}
	}
}

// comparePosted holds an outbox against what the oracle has posted.
func (f *flowTest) comparePosted(from, to *episode) {
	f.t.Helper()
	last := 0
	for m := range outbox.PendingTo(from.state, to.group) {
		got, err := m.Command.Decode()
		if err != nil {
			from.fatal("%v", err)
		}
		last = int(m.Seq)
		if last > len(from.oracle.posted) || !proto.Equal(got, from.oracle.posted[m.Seq-1].m) {
			from.fatal("message %d is\n%v, posted are\n%v", m.Seq, got, from.oracle.posted)
		}
	}
	if last = int(outbox.Last(from.state, to.group)); last != len(from.oracle.posted) {
		from.fatal("%d messages were posted, want %d", last, len(from.oracle.posted))
	}
}

// drain carries all messages, and runs all calls to their end: nothing may be
// left but what waits at gates.
func (f *flowTest) drain() {
	f.t.Helper()
	for round, quiet := 0, 0; round < 2000 && quiet < 3; round++ {
		idle := true
		for i, e := range f.sides {
			other := f.sides[1-i]
			next := other.oracle.heard[uint32(e.group)]
			for m := range outbox.PendingTo(e.state, other.group) {
				if m.Seq > next {
					idle = false
					f.carryValues(e, other, m.Seq, m.Seq, false)
					other.step(&messages.Deliver{From: uint32(e.group), Seq: m.Seq, Type: uint32(m.Command.Type), Command: m.Command.Body}, false)
				}
			}
			e.step(&messages.Delivered{To: uint32(other.group), Seq: other.oracle.heard[uint32(e.group)]}, false)
			e.now += 1_000_000
			e.step(&messages.Tick{}, false)
			e.step(&messages.Grant{Session: "n9/1", Slot: "0", Processor: "P", Commit: "c1", Window: 4, Node: "node"}, false)
			for _, c := range e.oracle.calls {
				if round > 10 && c.hops > 4 && open(c) { // a cycle would go on for long
					e.step(&messages.Cancel{Call: c.id.Bytes()}, false)
				}
			}
			for _, a := range Aborts(e.state, "") {
				idle = false
				e.step(&messages.Complete{Session: a.Session, Slot: a.Slot, Call: a.Call, Attempt: a.Attempt, Outcome: messages.Outcome_RELEASED}, false)
			}
			for _, s := range Leases(e.state, "") {
				idle = false
				e.step(&messages.Complete{Session: s.Session, Slot: s.Slot, Call: s.Call, Attempt: s.Attempt, Outcome: messages.Outcome_OK, Result: []byte("1")}, false)
			}
		}
		if quiet++; !idle {
			quiet = 0
		}
	}
	for _, e := range f.sides {
		e.compare()
	}
	f.nothingStranded()
}

// nothingStranded: what has not ended is held back by a gate that lacks its
// other side, or by a processor's state.
func (f *flowTest) nothingStranded() {
	f.t.Helper()
	for _, e := range f.sides {
		for _, c := range e.oracle.calls {
			if open(c) && !e.oracle.heldBack(c.socket) {
				got, _ := GetCall(e.state, c.id, false, e.now)
				e.fatal("call %s of %s is stranded: %s, it waits for %q; gate %v", c.id, c.socket.id, c.state, got.Waiting, c.socket)
			}
		}
		for _, k := range e.oracle.sockets {
			for _, a := range e.oracle.waiting(k) {
				if e.oracle.match(k, a.sent.Tracking) != nil {
					e.fatal("arrival %s is stranded at the gate of %s", a.id, k.id)
				}
			}
		}
		f.sentOnce(e)
	}
}

// timesSent is how many calls have had an id: it may be sent anew when it is forgotten.
func (e *episode) timesSent(id []byte) (n int) {
	for _, c := range e.oracle.calls {
		if string(id) == string(c.id.Bytes()) {
			n++
		}
	}
	return n
}

// sentOnce: each message that a call's end caused is there once, at its target.
func (f *flowTest) sentOnce(e *episode) {
	other := f.sides[0]
	if other == e {
		other = f.sides[1]
	}
	seen := map[string]int{}
	for i, p := range e.oracle.posted {
		if f, ok := p.m.(*messages.FanOut); ok {
			for _, c := range f.Copies {
				id := messages.CallIDFrom(c.Id)
				arrived := slices.ContainsFunc(other.oracle.calls, func(c *oCall) bool { return c.id == id }) ||
					slices.ContainsFunc(other.oracle.arrivals, func(a *oArrival) bool { return a.id == id })
				if !arrived {
					e.fatal("copy %s of message %d has not arrived", id, i+1)
				}
			}
		}
		m, ok := p.m.(*messages.Arrive)
		if !ok {
			continue
		}
		if seen[string(m.Id)]++; seen[string(m.Id)] > e.timesSent(m.Parent) {
			e.fatal("message %d was sent twice", i+1)
		}
		c, a := other.oracle.call(messages.CallIDFrom(m.Id)), other.oracle.arrival(messages.CallIDFrom(m.Id))
		if c != nil && c.gone || a != nil && a.gone() || c == nil && a == nil {
			continue // it has arrived, and is gone
		}
		if _, ok := GetCall(other.state, messages.CallIDFrom(m.Id), false, e.now); !ok {
			e.fatal("message %d has not arrived", i+1)
		}
	}
}

// count tells what an episode met, so that a test of nothing is noticed.
func (f *flowTest) count(seen map[string]int) {
	for _, e := range f.sides {
		for _, a := range e.oracle.arrivals {
			switch {
			case a.joined != nil:
				seen["joined"]++
			case a.state == messages.ArrivalState_ARRIVAL_DEAD:
				seen["dead"]++
			case a.state == messages.ArrivalState_ARRIVAL_CANCELLED:
				seen["cancelled"]++
			default:
				seen["waiting"]++
			}
		}
		for _, c := range e.oracle.calls {
			if c.plug != "" {
				seen["by plug"]++
			}
			if c.failure != nil {
				seen["errors"]++
			}
			if q := f.queues[c.socket.id]; q != nil {
				seen["published"]++
				if call, _ := GetCall(e.state, c.id, true, e.now); len(messages.References(call.GetArguments().Values()...)) > 0 {
					seen["large published"]++
				}
			}
			if call, _ := GetCall(e.state, c.id, false, e.now); call.GetRoutingKey() != "" && call.GetParent() != nil {
				seen["by routing key"]++
			}
		}
		for _, v := range e.oracle.values {
			if v.named {
				seen["large"]++
			}
		}
		seen["across"] += len(e.oracle.posted)
		for _, p := range e.oracle.posted {
			if _, ok := p.m.(*messages.Throttle); ok {
				seen["held back"]++
			}
		}
	}
}

// TestSameFlowGivesTheSameBytes applies the logs of two partitions to copies.
func TestSameFlowGivesTheSameBytes(t *testing.T) {
	for seed := range 100 {
		f := newFlowTest(t, *first+uint64(seed))
		f.run(100, false)
		for _, e := range f.sides {
			other := kv.NewMap()
			for i, c := range e.log {
				over := kv.NewOverlay(other)
				if _, err := (&Machine{Group: e.group, Supports: testLevel}).Apply(over, uint64(i), e.times[i], c); err != nil {
					t.Fatal(err)
				}
				other.Commit(over)
			}
			same(t, e.state, other)
		}
	}
}
