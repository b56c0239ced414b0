package flow

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

const farPartition = messages.GroupID(9)

// queue tells of a queue whose sockets are given as NAME=PATTERN; those in upper
// case are here, the others far.
func (w *world) queue(qtype string, sockets ...string) {
	w.t.Helper()
	w.do(&messages.RemoveQueue{Queue: "Q"})
	w.do(&messages.ConfigureQueue{Queue: "Q", Name: "events", Qtype: qtype})
	for _, s := range sockets {
		name, pattern, _ := strings.Cut(s, "=")
		b := &messages.Binding{Socket: name, Name: "mod." + name, Partition: uint32(partitionOfTests), Pattern: pattern}
		if name != strings.ToUpper(name) {
			b.Partition = uint32(farPartition)
		}
		w.do(&messages.Bind{Queue: "Q", Binding: b})
	}
}

func publishOf(name, key string) *messages.Publish {
	return &messages.Publish{Id: id(name).Bytes(), Queue: "Q", RoutingKey: key, Arguments: jsonArgs(`"` + name + `"`), Content: []byte("content of " + name + key), Owner: "ada"}
}

// published gives the sockets that got a publish, from its result.
func (w *world) published(name string) string {
	w.t.Helper()
	var to []struct{ Socket, Call string }
	if err := json.Unmarshal(w.is(name, isFinished).Result, &to); err != nil {
		w.t.Fatal(err)
	}
	var sockets []string
	for _, one := range to {
		sockets = append(sockets, strings.TrimPrefix(one.Socket, "mod."))
	}
	return strings.Join(sockets, " ")
}

func (w *world) copyAt(name, socket string) messages.CallID {
	return messages.DeriveCallID(id(name).String(), socket, 0, partitionOfTests)
}

func TestPublishGoesToThoseThatTakeItsKey(t *testing.T) {
	w := newWorld(t)
	w.socket("B")
	for i, c := range []struct{ qtype, key, want string }{
		{"fanout", "", "A B c"}, {"fanout", "any", "A B c"},
		{"topic", "a.b", "A B"}, {"topic", "a.x", "A"}, {"topic", "mod.c", "c"},
		{"direct", "a.b", "B"}, {"direct", "mod.c", "c"},
	} {
		w.queue(c.qtype, "A=a.*", "B=a.b", "c")
		name := fmt.Sprint("publish ", i)
		r := w.do(publishOf(name, c.key)).Reply.GetEnqueued()
		if got := w.published(name); got != c.want || r.State != isFinished || r.Duplicate || string(r.Published) != string(w.get(name).Result) {
			t.Errorf("%s, key %q: goes to %q (%v), want %q", c.qtype, c.key, got, r, c.want)
		}
	}
	w.queue("direct", "B=a.b")
	w.do(publishOf("only one", ""))
	if got := w.published("only one"); got != "B" {
		t.Errorf("a direct queue of one socket sends to %q", got)
	}
}

func TestCopiesBelongToTheirPublish(t *testing.T) {
	w := newWorld(t)
	w.queue("fanout", "A", "b")
	m := publishOf("news", "a.b")
	m.Priority = 7
	w.do(m)
	c := w.getID(w.copyAt("news", "A"))
	if messages.CallIDFrom(c.Parent) != id("news") || messages.CallIDFrom(c.Tracking) != id("news") || c.Priority != 7 || c.Owner != "ada" || c.RoutingKey != "a.b" {
		t.Errorf("the copy is %v", c)
	}
	page := ListCalls(w.state, &messages.ListCallsRequest{Tracking: id("news").String()}, nil, 0, w.now)
	if page.Total != 2 || len(page.Calls) != 2 {
		t.Errorf("the run has %v", page)
	}
	sent := 0
	for far := range outbox.PendingTo(w.state, farPartition) {
		f, err := far.Command.Decode()
		if err != nil || f.(*messages.FanOut).Copies[0].Socket != "b" {
			t.Errorf("sent %v, %v", f, err)
		}
		sent++
	}
	if sent != 1 {
		t.Errorf("%d messages went to the far partition", sent)
	}
}

func TestPublishedTwiceIsPublishedOnce(t *testing.T) {
	w := newWorld(t)
	w.queue("fanout", "A")
	w.do(publishOf("news", ""))
	w.socket("B")
	w.queue("fanout", "A", "B")
	if again := w.do(publishOf("news", "")).Reply.GetEnqueued(); !again.Duplicate || string(again.Published) != string(w.get("news").Result) {
		t.Errorf("again: %v", again)
	}
	if got := w.published("news"); got != "A" {
		t.Errorf("it went to %s", got)
	}
	w.refuse(messages.Conflict, "other content", publishOf("news", "other.key"))
	w.refuse(messages.Conflict, "other content", &messages.Enqueue{Id: id("news").Bytes(), Socket: "A", Content: []byte("x")})
}

func TestPublishThatGoesNowhereIsRefused(t *testing.T) {
	w := newWorld(t)
	w.refuse(messages.NotFound, "no such queue", publishOf("p", ""))
	w.queue("topic", "A=a.*", "B")
	w.refuse(messages.NotFound, `none of its sockets takes the routing key "b"`, publishOf("p", "b"))
	w.refuse(messages.Invalid, "needs a routing key", publishOf("p", ""))
	w.refuse(messages.Invalid, "word 2", publishOf("p", "a..b"))
	w.queue("direct", "A", "B")
	w.refuse(messages.Invalid, "no routing key says for which", publishOf("p", ""))
	w.queue("fanout")
	w.refuse(messages.NotFound, "no sockets", publishOf("p", ""))
	w.queue("fanout", "A")
	w.refuse(messages.Invalid, "it is a queue", enqueueOf("Q", "p"))
	w.do(&messages.RemoveSocket{Socket: "A"})
	w.refuse(messages.NotFound, "no sockets", publishOf("p", ""))
	w.do(&messages.RemoveQueue{Queue: "Q"})
	w.refuse(messages.NotFound, "no such queue", publishOf("p", ""))
	old := publishOf("p", "")
	old.Id = messages.NewCallID("0193a1b2-c3d4-7001-8f00-0123456789ab", partitionOfTests, 0).Bytes()
	w.socket("A")
	w.queue("fanout", "A")
	w.refuse(messages.Invalid, "calls that old", old)
}

func TestPublishIsBounded(t *testing.T) {
	w := newWorld(t)
	var sockets []string
	for i := range 65 {
		sockets = append(sockets, fmt.Sprint("s", i))
	}
	w.queue("fanout", sockets...)
	large := publishOf("large", "")
	large.Arguments = jsonArgs(`"` + strings.Repeat("x", messages.MaxInline-2) + `"`)
	w.refuse(messages.Invalid, "goes to 65 sockets", large)
	large.Arguments = jsonArgs(`"` + strings.Repeat("x", messages.MaxInline) + `"`)
	w.refuse(messages.Invalid, "are the most", large)
}

// TestPublishGoesToAllOrToNone: a bound of one socket refuses for all.
func TestPublishGoesToAllOrToNone(t *testing.T) {
	w := newWorld(t)
	bounded := func(c *messages.ConfigureSocket) { c.MaxLength = 2 }
	w.socket("B", bounded)
	w.queue("fanout", "A", "B", "c")
	w.do(publishOf("one", ""))
	w.do(publishOf("two", ""))
	w.refuse(messages.Exhausted, "socket mod.B: its mailbox is full: 2 calls wait, and 2 are the most", publishOf("three", ""))
	w.socket("B")
	w.do(publishOf("three", ""))
	w.do(&messages.Throttle{Target: "c", Sources: []string{"Q"}, Full: true})
	if e := w.refuse(messages.Exhausted, "socket mod.c: its mailbox is full", publishOf("four", "")); e.RetryAfter == 0 {
		t.Error("it does not say when to try again")
	}
	if n := Count(w.state, "A").Queued; n != 3 {
		t.Errorf("socket A holds %d calls", n)
	}
	w.do(&messages.Throttle{Target: "c", Sources: []string{"Q"}})
	w.do(publishOf("four", ""))
}

// TestFullSocketTellsTheHomeOfItsQueue is the other side of it.
func TestFullSocketTellsTheHomeOfItsQueue(t *testing.T) {
	w := newWorld(t)
	w.socket("A", func(c *messages.ConfigureSocket) {
		c.MaxLength, c.Queue, c.QueuePartition = 2, "far", uint32(farPartition)
	})
	w.send("A", "one", "two")
	w.wantStarted(w.grant("n1/1", "0", 2), "one", "two")
	var told []bool
	for m := range outbox.PendingTo(w.state, farPartition) {
		c, err := m.Command.Decode()
		if throttle, ok := c.(*messages.Throttle); err == nil && ok && throttle.Target == "A" && throttle.Sources[0] == "far" {
			told = append(told, throttle.Full)
		}
	}
	if fmt.Sprint(told) != "[true false]" {
		t.Errorf("its home was told %v", told)
	}
}

func fanOutTo(name string, sockets ...string) *messages.FanOut {
	f := &messages.FanOut{Publish: publishOf(name, "k")}
	for _, s := range sockets {
		f.Copies = append(f.Copies, &messages.Copy{Id: messages.DeriveCallID(id(name).String(), s, 0, partitionOfTests).Bytes(), Socket: s, Name: "mod." + s})
	}
	return f
}

// TestCopyIsNeverRefused: not by a bound, nor by a gate, nor because its socket
// is not known yet; one that is gone makes a dead letter.
func TestCopyIsNeverRefused(t *testing.T) {
	w := newWorld(t)
	w.socket("A", func(c *messages.ConfigureSocket) { c.MaxLength = 1 })
	w.send("A", "before")
	w.socket("D")
	w.do(&messages.RemoveSocket{Socket: "D"})
	w.do(fanOutTo("news", "A", "D", "N"))
	w.do(fanOutTo("news", "A", "D", "N"))
	if n := Count(w.state, "A").Queued; n != 2 {
		t.Errorf("socket A holds %d calls", n)
	}
	var dead []*messages.Call
	for _, l := range DeadLetters(w.state, &messages.DeadQuery{Rows: 10}).Letters {
		dead = append(dead, l.Call)
	}
	if len(dead) != 1 || !strings.Contains(dead[0].Error.Message, "is gone") || dead[0].Size == 0 {
		t.Fatalf("dead letters: %v", dead)
	}
	if got, _ := GetCall(w.state, messages.CallIDFrom(dead[0].Id), true, w.now); string(got.Arguments.Positional[0]) != `"news"` {
		t.Errorf("the dead letter is %v", got)
	}
	unknown := w.copyAt("news", "N")
	if c := w.getID(unknown); c.State != isQueued || !strings.Contains(c.Waiting, "has not heard of its socket") {
		t.Errorf("a copy for a socket that is not known yet is %v", c)
	}
	w.grant("n1/1", "0", 5)
	w.socket("N")
	if c := w.getID(unknown); c.State != isRunning {
		t.Errorf("known, it is %v", c)
	}
}

func TestPublishedCallExpires(t *testing.T) {
	w := newWorld(t)
	w.socket("A", func(c *messages.ConfigureSocket) { c.MessageTtl = 100 })
	w.queue("fanout", "A")
	w.do(publishOf("news", ""))
	w.later(100_000)
	w.ticks()
	if c := w.getID(w.copyAt("news", "A")); c.State != isExpired {
		t.Errorf("it is %s", c.State)
	}
}
