package flow

import (
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

const adder = "E RESULT S one; F RESULT S two"

func gated(t *testing.T, change ...func(*messages.ConfigureSocket)) *world {
	w := newWorld(t)
	w.link(adder, change...)
	w.grant("n1/1", "0", 4)
	return w
}

func namedOf(s *messages.Start) string {
	var parts []string
	for _, v := range s.Arguments.Named {
		parts = append(parts, v.Name+"="+string(v.Value))
	}
	return strings.Join(parts, " ")
}

func TestCallFormsWhenEachArgumentHasArrived(t *testing.T) {
	w := gated(t)
	if s := w.runs("E", "e", "1"); len(s) != 0 {
		t.Fatalf("started %v", s)
	}
	w.wantGate("S", "one:1 two:0")
	if c := w.getID(came("e", "esone")); c.State != messages.CallState_WAITING || c.Waiting != "gate: missing two" {
		t.Errorf("arrival is %v", c)
	}
	if n := Count(w.state, "S").Total; n != 0 {
		t.Errorf("the gate made %d call records", n)
	}
	s := w.runs("F", "f", "4")
	if len(s) != 1 || namedOf(s[0]) != "one=1 two=4" {
		t.Fatalf("started %v", s)
	}
	c := w.getID(messages.CallIDFrom(s[0].Call))
	if len(c.Parents) != 2 || messages.CallIDFrom(c.Parents[0]) != id("e") || messages.CallIDFrom(c.Parent) != id("f") || messages.CallIDFrom(c.Tracking) != id("f") {
		t.Errorf("the joined call is %v", c)
	}
	r := w.answer(s[0], messages.Outcome_OK, func(c *messages.Complete) { c.Result = []byte("5") })
	if ended := effectsOf[*messages.Ended](r.Effects); len(ended) != 3 || messages.CallIDFrom(ended[1].Call.Id) != came("e", "esone") || string(ended[1].Call.Result) != "5" {
		t.Errorf("ended %v", ended)
	}
	if c := w.getID(came("e", "esone")); c.State != isFinished || string(c.Result) != "5" || string(c.Joined) != string(s[0].Call) {
		t.Errorf("arrival is %v", c)
	}
	w.wantGate("S", "one:0 two:0")
	w.runs("E", "e10", "10")
	w.wantGate("S", "one:1 two:0")
}

func TestGateMatchesInTheOrderOfTheLog(t *testing.T) {
	w := gated(t)
	for _, n := range []string{"1", "2", "3"} {
		w.runs("E", "e"+n, n)
	}
	var got []string
	for _, n := range []string{"10", "20", "30"} {
		got = append(got, namedOf(w.runs("F", "f"+n, n)[0]))
	}
	if strings.Join(got, "; ") != "one=1 two=10; one=2 two=20; one=3 two=30" {
		t.Errorf("joined %v", got)
	}
}

func TestCorrelatedGateJoinsWhatIsOfOneRun(t *testing.T) {
	w := newWorld(t)
	w.link("A RESULT E; A RESULT F; "+adder, func(c *messages.ConfigureSocket) { c.Correlate = "tracking" })
	w.grant("n1/1", "0", 4)
	x, y := w.runs("A", "x", `"x"`), w.runs("A", "y", `"y"`) // each starts E and F
	finish := func(s *messages.Start) []*messages.Start {
		return starts(w.answer(s, messages.Outcome_OK, func(c *messages.Complete) { c.Result = s.Arguments.Positional[0] }))
	}
	finish(x[0])
	if s := finish(y[1]); len(s) != 0 {
		t.Fatalf("two runs were joined: %v", s)
	}
	w.wantGate("S", "one:1 two:1")
	if s := finish(y[0]); len(s) != 1 || namedOf(s[0]) != `one="y" two="y"` {
		t.Fatalf("started %v", s)
	}
	w.link("A RESULT E; A RESULT F; " + adder) // not correlated any more: nothing is complete
	w.wantGate("S", "one:1 two:0")
	if s := finish(x[1]); len(s) != 1 || namedOf(s[0]) != `one="x" two="x"` {
		t.Fatalf("started %v", s)
	}
}

func TestWaitJoinsAllPlugsInTheirOrder(t *testing.T) {
	w := newWorld(t)
	w.link("E RESULT S; F RESULT S", func(c *messages.ConfigureSocket) { c.Wait = c.Socket == "S" })
	w.grant("n1/1", "0", 4)
	w.runs("F", "f", "2")
	w.wantGate("S", "onees:0 twofs:1")
	s := w.runs("E", "e", "1")
	if len(s) != 1 || len(s[0].Arguments.Positional) != 2 || string(s[0].Arguments.Positional[0]) != "1" || string(s[0].Arguments.Positional[1]) != "2" {
		t.Fatalf("started %v", s)
	}
}

func TestDefaultsDoNotGateUnlessAPlugTargetsThem(t *testing.T) {
	w := newWorld(t)
	w.link("E RESULT S three")
	w.wantGate("S", "one:0 two:0 three:0")
	w.link("E RESULT S one")
	w.wantGate("S", "one:0 two:0")
}

// toGate is what a client sends to a gate.
func toGate(name, argument, value string) *messages.Enqueue {
	return &messages.Enqueue{Id: id(name).Bytes(), Socket: "S", Owner: "ada", Content: []byte("content of " + name), ToGate: true,
		Arguments: &messages.Arguments{Named: []*messages.NamedValue{{Name: argument, Value: []byte(value)}}}}
}

func TestClientFillsAGateOrPassesItBy(t *testing.T) {
	w := gated(t)
	if r := w.do(toGate("c", "one", "5")).Reply.GetEnqueued(); r.State != messages.CallState_WAITING || r.Duplicate {
		t.Errorf("answered %v", r)
	}
	if r := w.do(toGate("c", "one", "5")).Reply.GetEnqueued(); !r.Duplicate {
		t.Errorf("answered %v", r)
	}
	other := toGate("c", "one", "6")
	other.Content = []byte("other")
	w.refuse(messages.Conflict, "used before", other)
	w.refuse(messages.Invalid, "does not wait for four", toGate("d", "four", "5"))
	e := toGate("d", "one", "5")
	e.Socket = "E"
	w.refuse(messages.Invalid, "has no gate", e)
	w.send("S", "direct") // all arguments at once
	w.is("direct", isRunning)
	w.wantGate("S", "one:1 two:0")
	if s := w.runs("F", "f", "4"); len(s) != 1 || namedOf(s[0]) != "one=5 two=4" {
		t.Fatalf("started %v", s)
	}
	w.waits("c", "behind another call on node node-n1")
	w.do(toGate("e", "two", "1"))
	w.do(&messages.Cancel{Call: id("e").Bytes()})
	w.is("e", isCancelled)
	w.wantGate("S", "one:0 two:0")
	w.do(toGate("g", "two", "1"))
	w.cancel("g")
	if why, ok := Explain(w.state, id("g"), w.now); !ok || why.Text != "not needed" || why.State != "CANCELLED" {
		t.Errorf("explained: %v", why)
	}
}

func TestGateTimesOut(t *testing.T) {
	w := gated(t, func(c *messages.ConfigureSocket) { c.GateTimeout = 5000 })
	w.runs("E", "e", "1")
	w.later(6 * second)
	w.ticks()
	w.wantDead("has waited at the gate of socket mod.S for 6 s; missing: two")
	w.wantGate("S", "one:0 two:0")
	if s := w.runs("F", "f", "4"); len(s) != 0 {
		t.Errorf("started %v", s)
	}
}

func TestWhatAGateDoesNotWaitForAnyMoreDies(t *testing.T) {
	w := gated(t)
	w.runs("E", "e", "1")
	w.link("G RESULT S") // E and F lead there no more
	w.socket("E")
	w.wantDead("socket mod.S has no gate any more")
	w.wantGate("S", "")
}

func TestWhatANarrowerGateDoesNotWaitForDies(t *testing.T) {
	w := newWorld(t)
	w.link(adder + "; G RESULT S three")
	w.grant("n1/1", "0", 8)
	w.runs("G", "g", "1")
	w.link(adder)
	w.wantDead("the gate of socket mod.S does not wait for it any more; it waits for one, two")
}

func TestGateOfASocketThatGoesLeavesDeadLetters(t *testing.T) {
	w := gated(t)
	w.runs("E", "e", "1")
	w.wantHeld("S", 1, true)
	w.do(&messages.RemoveSocket{Socket: "S"})
	w.wantDead("is being deleted")
	w.wantHeld("S", 0, false)
}

func TestGateThatIsNarrowedFormsWhatIsComplete(t *testing.T) {
	w := newWorld(t)
	w.link(adder + "; G RESULT S three")
	w.grant("n1/1", "0", 8)
	for _, n := range []string{"1", "2", "3"} {
		w.runs("E", "e"+n, n)
	}
	w.runs("F", "f1", "10")
	w.runs("F", "f2", "20")
	w.wantGate("S", "one:3 two:2 three:0")
	w.link(adder)
	w.wantGate("S", "one:1 two:0")
	if n := Count(w.state, "S").Total; n != 2 {
		t.Errorf("%d calls were formed", n)
	}
}

func TestFullGateBlocksOrDropsIntoDeadLetters(t *testing.T) {
	limit := func(c *messages.ConfigureSocket) { c.MaxLength = map[string]int64{"S": 2}[c.Socket] }
	w := gated(t, limit)
	w.runs("E", "e1", "1")
	w.runs("E", "e2", "2")
	w.send("E", "e3")
	w.is("e3", isQueued)
	w.waits("e3", "held back: socket mod.S is full, where plug esone leads")
	w.refuse(messages.Exhausted, "gate is full", toGate("c", "one", "5"))
	w.do(toGate("c2", "two", "5")) // one pair goes
	w.is("e3", isRunning)

	w = gated(t, limit, func(c *messages.ConfigureSocket) { c.Overflow = "dead_letter" })
	for _, n := range []string{"1", "2", "3"} {
		w.runs("E", "e"+n, n)
	}
	w.wantGate("S", "one:2 two:0")
	w.wantDead("the gate of socket mod.S is full: 2 wait for one")
	if g, _ := Gate(w.state, "S"); !g.Full {
		t.Error("a gate that takes no more says that it is not full")
	}
}

// What a full gate lacks comes from those who feed its other inputs: they are not
// held back, and a source of several inputs neither while one of them has room.
func TestFullGateDoesNotHoldBackWhoFeedsItsOtherInput(t *testing.T) {
	w := newWorld(t)
	w.link(adder+"; D RESULT S one; D RESULT S two", func(c *messages.ConfigureSocket) { c.MaxLength = map[string]int64{"S": 2}[c.Socket] })
	w.grant("n1/1", "0", 8)
	w.runs("E", "e1", "1")
	w.runs("E", "e2", "2")
	w.send("E", "e3")
	w.waits("e3", "held back: socket mod.S is full, where plug esone leads")
	w.runs("D", "d1", "3")
	w.wantGate("S", "one:2 two:0")
	w.is("e3", isQueued)
	w.runs("F", "f1", "4")
	w.wantGate("S", "one:1 two:0")
	w.is("e3", isRunning)
}

// The ERROR plug of a call that expires completes a gate whose arrival would
// leave in the same Tick.
func TestTimerThatAnotherOneMadeVoidDoesNotFire(t *testing.T) {
	w := newWorld(t)
	w.link("E RESULT S one; F ERROR S two", func(c *messages.ConfigureSocket) {
		c.GateTimeout, c.MessageTtl = 5000, map[string]int64{"F": 5000}[c.Socket]
	})
	w.send("F", "f")
	w.later(1)
	w.do(toGate("c", "one", "1"))
	w.later(10 * second)
	w.ticks()
	w.is("f", isExpired)
	w.is("c", isQueued)
}

// A socket is removed by force with more calls than one command ends; when the
// rest goes, the retry of one of them is due as well.
func TestRetryOfACallThatWasCancelledInTheSameTickDoesNotFire(t *testing.T) {
	w := newWorld(t)
	w.batch("A", "block", maxWork+10)
	urgent := enqueueOf("A", "urgent")
	urgent.Priority = 1
	w.do(urgent)
	s := w.one(w.grant("n1/1", "0", 1), "urgent")
	w.answer(s, messages.Outcome_EXCEPTION)
	w.do(&messages.RemoveSocket{Socket: "A", Force: true})
	w.later(2 * second)
	w.ticks()
	w.is("urgent", isCancelled)
}

func TestCancelledArrivalKeepsItsHistory(t *testing.T) {
	w := gated(t)
	w.runs("E", "e", "1")
	arrival := came("e", "esone")
	w.do(&messages.Cancel{Call: arrival.Bytes(), Reason: strings.Repeat("not needed ", 1000)})
	events := w.getID(arrival).Events
	if len(events) != 2 || events[0].Name != "received" || events[1].Name != "cancel" || events[1].Time != w.now {
		t.Fatalf("the history is %v", events)
	}
	if note := events[1].Note; !strings.HasPrefix(note, "not needed") || len(note) > 256 {
		t.Errorf("the reason is %q", note)
	}
}

// Two runs fill one input each with what the other lacks: nothing can be joined,
// and whoever looks is told so, and what to do.
func TestCorrelatedGateFullOfOtherRunsSaysSo(t *testing.T) {
	for _, test := range []struct {
		timeout int64
		want    string
	}{{5000, "until some reach their time-out of 5 s"}, {0, "the gate has no time-out"}} {
		w := newWorld(t)
		w.link(adder, func(c *messages.ConfigureSocket) {
			c.Correlate, c.MaxLength, c.GateTimeout = "tracking", 1, test.timeout
		})
		w.do(toGate("x", "one", "1"))
		if g, _ := Gate(w.state, "S"); g.Stuck != "" {
			t.Errorf("with an input that has room it is %q", g.Stuck)
		}
		if why, _ := Explain(w.state, id("x"), w.now); why.Text != "gate: missing two" {
			t.Errorf("the first is explained by %q", why.Text)
		}
		w.do(toGate("y", "two", "2"))
		if g, _ := Gate(w.state, "S"); !g.Full || !strings.Contains(g.Stuck, test.want) || !strings.Contains(g.Stuck, "of different runs") {
			t.Errorf("the gate is %v", g)
		}
		why, _ := Explain(w.state, id("x"), w.now)
		if !strings.HasPrefix(why.Text, "gate: missing two; what has arrived for two is of other runs, and full (1 wait, 1 are the most): what feeds it is held back") ||
			!strings.Contains(why.Text, test.want) {
			t.Errorf("the first is explained by %q", why.Text)
		}
		w.do(&messages.Cancel{Call: id("y").Bytes()})
		if g, _ := Gate(w.state, "S"); g.Stuck != "" {
			t.Errorf("with room it is %q", g.Stuck)
		}
	}
}
