package flow

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// TestExplainNamesTheTrueCause brings about each cause that a partition knows.
func TestExplainNamesTheTrueCause(t *testing.T) {
	processor := func(status, message string) *messages.ConfigureProcessor {
		return &messages.ConfigureProcessor{Processor: "P", Commit: "c1", Status: status, Message: message, Retries: 2, Retrydelay: 3000}
	}
	gated := func(c *messages.ConfigureSocket) {
		c.Incoming = []*messages.PlugFrom{{Plug: "p", Name: "plug", Source: "A", SourceName: "mod.A", Partition: uint32(partitionOfTests), Argument: "one"}}
		c.Parameters = []*messages.Parameter{{Name: "one"}, {Name: "two"}}
	}
	toGate := func(name string) *messages.Enqueue {
		return &messages.Enqueue{Id: id(name).Bytes(), Socket: "G", ToGate: true, Arguments: &messages.Arguments{Named: []*messages.NamedValue{{Name: "one", Value: []byte("1")}}}}
	}
	for _, test := range []struct {
		cause, text string
		story       func(w *world) // what becomes of the call named it
		want        func(why *messages.Explanation) bool
	}{
		{cause: NoWorker, text: "no worker", story: func(w *world) { w.send("A", "it") }},
		{cause: NoWorker, text: "no worker", story: func(w *world) {
			w.do(&messages.ConfigureSocket{Socket: "Q", Name: "q", Processor: "unknown"})
			w.send("Q", "it")
		}},
		{cause: "paused", text: "its processor is paused", story: func(w *world) { w.do(processor("paused", "")); w.send("A", "it") }},
		{cause: "stopped", text: "its processor is stopped", story: func(w *world) { w.do(processor("stopped", "")); w.send("A", "it") }},
		{cause: Building, text: "installing 3 of 9 packages", story: func(w *world) {
			w.do(processor("running", "building environment: installing 3 of 9 packages"))
			w.send("A", "it")
		}},
		{cause: BuildFailed, text: "no matching distribution", story: func(w *world) { w.do(processor("failed", "no matching distribution")); w.send("A", "it") }},
		{cause: AtGate, text: "missing two", story: func(w *world) { w.socket("G", gated); w.do(toGate("it")) },
			want: func(why *messages.Explanation) bool {
				return strings.Join(why.Missing, " ") == "two" && why.Since == aMomentAgo
			}},
		{cause: Retry, text: "retry in 3 s", story: func(w *world) {
			w.do(processor("running", ""))
			w.grant("n/1", "0", 1)
			w.answer(w.one(w.send("A", "it"), "it"), messages.Outcome_EXCEPTION)
		}, want: func(why *messages.Explanation) bool { return why.Until == aMomentAgo+3*second && why.Attempt == 2 }},
		{cause: RateLimited, text: "5/s of socket mod.L", story: func(w *world) {
			w.socket("L", limitedTo("5/s"))
			w.grant("n/1", "0", 2)
			w.send("L", "first", "it")
		}, want: func(why *messages.Explanation) bool { return why.Until == aMomentAgo+second/5 }},
		{cause: Ordered, text: "ordered", story: func(w *world) {
			w.socket("O", func(c *messages.ConfigureSocket) { c.Ordered = true })
			w.grant("n/1", "0", 2)
			w.send("O", "first", "it")
		}, want: func(why *messages.Explanation) bool { return why.Behind == id("first").String() }},
		{cause: Turn, text: "behind 2 other calls", story: func(w *world) {
			w.grant("n/1", "0", 1)
			w.send("A", "runs", "one", "two", "it")
		}, want: func(why *messages.Explanation) bool { return why.Ahead == 2 }},
		{cause: Turn, text: "behind 8 other calls", story: func(w *world) {
			w.grant("n/1", "0", 1)
			w.batch("A", "batch", 8)
			w.send("A", "last", "it")
		}, want: func(why *messages.Explanation) bool { return why.Ahead == 8 }},
		{cause: Blocked, text: "socket mod.B is full, where plug edge leads", story: func(w *world) {
			w.socket("B", func(c *messages.ConfigureSocket) {
				c.MaxLength = 1
				c.Incoming = []*messages.PlugFrom{{Plug: "p", Name: "edge", Source: "A", SourceName: "mod.A", Partition: uint32(partitionOfTests)}}
			})
			w.socket("A", func(c *messages.ConfigureSocket) {
				c.Plugs = []*messages.PlugTo{{Plug: "p", Name: "edge", Type: "RESULT", Target: "B", TargetName: "mod.B", Partition: uint32(partitionOfTests)}}
			})
			w.send("B", "fills")
			w.grant("n/1", "0", 0)
			w.send("A", "it")
		}, want: func(why *messages.Explanation) bool { return why.Plug == "edge" && why.Target == "mod.B" }},
		{cause: Running, text: "running on node node-n, attempt 2", story: func(w *world) {
			w.grant("n/1", "0", 1)
			w.answer(w.one(w.send("A", "it"), "it"), messages.Outcome_RELEASED)
			w.later(second)
			w.grant("n/1", "0", 0)
			w.grant("n/1", "0", 1)
		}, want: func(why *messages.Explanation) bool {
			return why.Attempt == 2 && why.Node == "node-n" && why.Since >= aMomentAgo
		}},
		{cause: Leased, text: "behind another call on node node-n", story: func(w *world) {
			w.grant("n/1", "0", 2)
			w.send("A", "first", "it")
		}, want: func(why *messages.Explanation) bool { return why.Behind == id("first").String() }},
		{cause: Ended, text: "it has ended", story: func(w *world) { w.grant("n/1", "0", 1); w.finish("A", "it") },
			want: func(why *messages.Explanation) bool { return why.State == "FINISHED" }},
		{cause: Ended, text: "boom", story: func(w *world) {
			w.socket("A", func(c *messages.ConfigureSocket) { c.Retries = proto.Int32(0) })
			w.grant("n/1", "0", 1)
			w.answer(w.one(w.send("A", "it"), "it"), messages.Outcome_EXCEPTION, func(c *messages.Complete) { c.Failure.Message = "boom" })
		}},
		{cause: Ended, text: "it has ended", story: func(w *world) { w.send("A", "it"); w.do(&messages.Cancel{Call: id("it").Bytes()}) },
			want: func(why *messages.Explanation) bool { return why.State == "CANCELLED" }},
		{cause: Ended, text: "not needed", story: func(w *world) { w.send("A", "it"); w.cancel("it") },
			want: func(why *messages.Explanation) bool { return why.State == "CANCELLED" }},
		{cause: Ended, text: "not needed", story: func(w *world) {
			w.grant("n/1", "0", 1)
			w.answer(w.one(w.send("A", "it"), "it"), messages.Outcome_EXCEPTION) // it waits for its retry
			w.cancel("it")
		}},
	} {
		t.Run(test.cause+" "+test.text, func(t *testing.T) {
			w := newWorld(t)
			test.story(w)
			why, ok := Explain(w.state, id("it"), w.now)
			if !ok || why.Cause != test.cause || !strings.Contains(why.Text, test.text) || why.Since == 0 {
				t.Fatalf("explained: %v, want %s: %s", why, test.cause, test.text)
			}
			if test.want != nil && !test.want(why) {
				t.Errorf("explained: %v", why)
			}
		})
	}
	if _, ok := Explain(newWorld(t).state, id("nobody"), 0); ok {
		t.Error("a call that is not there was explained")
	}
}

func TestLogOfEachAttemptIsKept(t *testing.T) {
	w := newWorld(t)
	w.socket("A", func(c *messages.ConfigureSocket) {
		c.Retries, c.Retrydelay, c.Retention = proto.Int32(100), proto.Int64(0), &messages.Retention{Age: 1}
	})
	w.grant("n/1", "0", 1)
	s := w.one(w.send("A", "a"), "a")
	for range 19 {
		s = w.one(starts(w.answer(s, messages.Outcome_EXCEPTION, func(c *messages.Complete) { c.Log = []byte{'a' + byte(c.Attempt)} })), "a")
	}
	w.answer(s, messages.Outcome_OK)
	all := Logs(w.state, id("a"), 0)
	if len(all) != 15 || all[0].Attempt != 5 || all[0].Text != "f" { // the last of 16 has printed nothing
		t.Errorf("kept are %v", all)
	}
	if one := Logs(w.state, id("a"), 7); len(one) != 1 || one[0].Text != "h" {
		t.Errorf("attempt 7 printed %v", one)
	}
	w.later(second)
	w.ticks()
	for k := range w.state.Scan([]byte("o/"), []byte("o0")) {
		t.Errorf("left is %q", k)
	}
}
