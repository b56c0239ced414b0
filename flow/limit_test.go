package flow

import (
	"strings"
	"testing"

	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
)

func limitedTo(limit string) func(*messages.ConfigureSocket) {
	return func(c *messages.ConfigureSocket) { c.Ratelimit = limit }
}

// noPaces: a limit that holds nothing back sets no timer.
func (w *world) noPaces() {
	w.t.Helper()
	for _, left := range timer.All(w.state) {
		if left.Kind == timer.Pace || left.Kind == timer.AllPace {
			w.t.Errorf("a timer is set, and nothing rests: %v", left)
		}
	}
}

// passed answers each start at once, lets timers fire when they are due, and
// gives the times at which calls started, from now on, in milliseconds.
func (w *world) passed(started []*messages.Start, until int64) (at []int64) {
	w.t.Helper()
	begin := w.now
	for {
		for len(started) > 0 {
			at = append(at, (w.now-begin)/1000)
			started = append(started[1:], starts(w.ok(started[0]))...)
		}
		next, ok := NextTimer(w.state)
		if !ok || next > begin+until {
			return at
		}
		w.now = max(w.now, next)
		started = starts(w.do(&messages.Tick{}))
	}
}

func TestRateLimitSpreadsCalls(t *testing.T) {
	w := newWorld(t)
	w.socket("A", limitedTo("5/s"))
	first := w.grant("n1/1", "0", 8)
	w.grant("n1/1", "1", 8)
	first = append(first, w.send("A", "one", "two", "three", "four")...)
	w.wantStarted(first, "one")
	w.waits("four", "rate limited until 2025-10-09 08:53:20.200 UTC: 5/s of socket mod.A")
	if at := w.passed(first, 10*second); len(at) != 4 || at[0] != 0 || at[1] != 200 || at[2] != 400 || at[3] != 600 {
		t.Errorf("calls started after %v ms", at)
	}
	w.is("four", isFinished)
	w.noPaces()
}

func TestRateLimitOfAProcessorHoldsForAllItsSockets(t *testing.T) {
	w := newWorld(t)
	w.do(&messages.ConfigureProcessor{Processor: "P", Name: "proc", Commit: "c1", Status: "running", Ratelimit: "60/m"})
	w.socket("B")
	w.grant("n1/1", "0", 8)
	started := w.send("A", "a1", "a2")
	started = append(started, w.send("B", "b1", "b2")...)
	w.wantStarted(started, "a1")
	w.waits("b1", "rate limited until 2025-10-09 08:53:21.000 UTC: 60/m of processor proc")
	if at := w.passed(started, 10*second); len(at) != 4 || at[1] != 1000 || at[3] != 3000 {
		t.Errorf("calls started after %v ms", at)
	}
}

func TestOtherSocketsPassOneThatRests(t *testing.T) {
	w := newWorld(t)
	w.socket("A", limitedTo("1/h"))
	w.socket("B")
	w.grant("n1/1", "0", 8)
	started := w.send("A", "a1", "a2")
	w.wantStarted(append(started, w.send("B", "b1", "b2")...), "a1", "b1", "b2")
}

func TestChangedRateLimitBeginsAnew(t *testing.T) {
	w := newWorld(t)
	w.socket("A", limitedTo("1/h"))
	w.grant("n1/1", "0", 8)
	w.wantStarted(w.send("A", "a1", "a2", "a3"), "a1")
	w.socket("A", limitedTo("1/h")) // as it was
	if !strings.HasPrefix(w.get("a2").Waiting, "rate limited until") {
		t.Errorf("told again, it waits for %q", w.get("a2").Waiting)
	}
	w.socket("A", limitedTo("1/m"))
	w.is("a2", isRunning)
	w.is("a3", isQueued)
	w.socket("A")
	w.is("a3", isRunning)
	w.noPaces()
}

func TestNamedErrorsAreNotTriedAgain(t *testing.T) {
	for kind, again := range map[string]bool{"ValueError": false, "lib.Odd": false, "Odd": false, "lib.ValueError": false, "timeout": false,
		"KeyError": true, "OtherValueError": true, "Odd.Other": true} {
		w := newWorld(t)
		w.do(&messages.ConfigureProcessor{Processor: "P", Name: "proc", Commit: "c1", Status: "running", Retries: 2, NoRetry: []string{"ValueError", "Odd"}})
		w.socket("A", func(c *messages.ConfigureSocket) { c.NoRetry = []string{"timeout"} })
		w.grant("n1/1", "0", 1)
		started := w.one(w.send("A", "one"), "one")
		w.answer(started, messages.Outcome_EXCEPTION, func(c *messages.Complete) { c.Failure.Type = kind })
		if c := w.get("one"); (c.State == isRunning) != again || c.Tries != 1 {
			t.Errorf("after %s it is %s", kind, c.State)
		}
	}
}
