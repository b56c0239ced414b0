package flow

import (
	"bytes"
	"testing"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// publishLarge publishes a value by reference, twice among its arguments.
func publishLarge(name string, value []byte) *messages.Publish {
	m := publishOf(name, "k")
	m.Arguments = &messages.Arguments{Positional: [][]byte{value}, Named: []*messages.NamedValue{{Name: "again", Value: value}}}
	return m
}

// A large value that is published is kept for the calls here, and until the other
// partitions have it for those there.
func TestLargeValueIsPublishedByReference(t *testing.T) {
	w := newWorld(t)
	w.socket("A", func(c *messages.ConfigureSocket) { c.Retention = &messages.Retention{Age: 1000} })
	w.queue("fanout", "A", "c", "d")
	text := largeText("news")
	value := messages.ReferenceTo(text).Value()
	w.refuse(messages.Conflict, "0 of 4 chunks are here", publishLarge("news", value))
	w.put(text)
	w.do(publishLarge("news", value))
	s := w.grant("n1/1", "0", 1)
	if len(s) != 1 || !bytes.Equal(s[0].Arguments.Positional[0], value) || w.getID(w.copyAt("news", "A")).Size != 2*uint64(len(text))+uint64(len("again")) {
		t.Fatalf("started %v", s)
	}
	if sent := Sent(w.state, farPartition, 1, 1); len(sent) != 1 || sent[0] != messages.ReferenceTo(text) {
		t.Errorf("ahead of the copies goes %v", sent)
	}
	w.ok(s[0])
	w.configureQueue(&messages.Retention{Age: 1000})
	w.later(2 * unnamedFor.Microseconds())
	w.ticks()
	w.later(2 * unnamedFor.Microseconds())
	w.ticks()
	w.gone("news")
	if !w.hasValue(text) {
		t.Error("the value is gone, and a message names it that has not arrived")
	}
	w.do(&messages.Delivered{To: uint32(farPartition), Seq: outbox.Last(w.state, farPartition)})
	w.later(2 * unnamedFor.Microseconds())
	w.ticks()
	if w.hasValue(text) {
		t.Error("the value is kept, and nothing names it")
	}
}

// configureQueue sets how long publishes are kept.
func (w *world) configureQueue(r *messages.Retention) {
	w.t.Helper()
	w.do(&messages.ConfigureQueue{Queue: "Q", Name: "events", Qtype: "fanout", Retention: r})
}

// Copies come behind their values; one whose socket is gone is a dead letter that
// holds them, and can be sent again.
func TestCopiesOfALargeValueWaitForIt(t *testing.T) {
	w := newWorld(t)
	w.socket("D")
	w.do(&messages.RemoveSocket{Socket: "D"})
	text := largeText("news")
	f := fanOutTo("news", "A", "D")
	f.Publish = publishLarge("news", messages.ReferenceTo(text).Value())
	m, err := messages.NewCommand(f)
	if err != nil {
		t.Fatal(err)
	}
	d := &messages.Deliver{From: 9, Seq: 1, Type: uint32(m.Type), Command: m.Body}
	w.refuse(messages.Conflict, "0 of 4 chunks are here", d)
	w.refuse(messages.Conflict, "0 of 4 chunks are here", f)
	w.put(text)
	w.do(d)
	w.do(d) // again: it is known
	w.do(&messages.Cancel{Call: w.copyAt("news", "A").Bytes()})
	w.later(keepAge.Microseconds() + 2*unnamedFor.Microseconds())
	w.ticks()
	w.later(2 * unnamedFor.Microseconds())
	w.ticks()
	letters := DeadLetters(w.state, &messages.DeadQuery{Rows: 10}).Letters
	if len(letters) != 1 || !w.hasValue(text) {
		t.Fatalf("dead letters: %v; the value is here: %v", letters, w.hasValue(text))
	}
	w.socket("D")
	w.do(&messages.RedriveDead{Ids: [][]byte{letters[0].Call.Id}})
	again := w.getID(redrivenID(messages.CallIDFrom(letters[0].Call.Id), partitionOfTests))
	if again.State != isQueued || again.Size != 2*uint64(len(text))+uint64(len("again")) {
		t.Errorf("sent again, it is %v", again)
	}
}
