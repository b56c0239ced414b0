package flow

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// put sends all chunks of a text, and gives what stands in its place.
func (w *world) put(text []byte) []byte {
	w.t.Helper()
	r := messages.ReferenceTo(text)
	for i := range r.Chunks() {
		if reply := w.do(chunkOf(text, i)).Reply.GetChunkPut(); reply.Whole != (i == r.Chunks()-1) {
			w.t.Fatalf("after chunk %d the value is whole: %v", i, reply.Whole)
		}
	}
	return r.Value()
}

func largeText(name string) []byte {
	return []byte(`"` + name + strings.Repeat("x", 3*messages.ChunkBytes) + `"`)
}

func (w *world) hasValue(text []byte) bool {
	r := messages.ReferenceTo(text)
	return bytes.Equal(bytes.Join(Chunks(w.state, r.Hash[:], 0, r.Chunks()), nil), text)
}

func sendLarge(name string, value []byte) *messages.Enqueue {
	e := enqueueOf("A", name)
	e.Arguments = &messages.Arguments{Positional: [][]byte{value}}
	return e
}

func TestLargeArgumentAndResultGoByReference(t *testing.T) {
	w := newWorld(t)
	text, result := largeText("a"), largeText("b")
	value := w.put(text)
	w.grant("n1/1", "0", 1)
	s := starts(w.do(sendLarge("a", value)))
	if len(s) != 1 || !bytes.Equal(s[0].Arguments.Positional[0], value) {
		t.Fatalf("started %v", s)
	}
	if c := w.is("a", isRunning); c.Size != uint64(len(text)) {
		t.Errorf("the call has %d bytes, want %d", c.Size, len(text))
	}
	given := w.put(result)
	w.answer(s[0], messages.Outcome_OK, func(c *messages.Complete) { c.Result = given })
	if c := w.is("a", isFinished); !bytes.Equal(c.Result, given) {
		t.Errorf("the result is %q", c.Result)
	}
	w.later(2 * unnamedFor.Microseconds())
	w.ticks()
	if !w.hasValue(text) || !w.hasValue(result) {
		t.Error("values of a call that is there are gone")
	}
}

func TestCallThatNamesAnAbsentValueIsRefused(t *testing.T) {
	w := newWorld(t)
	text := largeText("a")
	value := messages.ReferenceTo(text).Value()
	w.refuse(messages.Conflict, "0 of 4 chunks are here", sendLarge("a", value))
	w.do(chunkOf(text, 2))
	w.refuse(messages.Conflict, "1 of 4 chunks are here", sendLarge("a", value))
	w.put(text[:len(text)-1]) // another value
	w.refuse(messages.Conflict, "1 of 4 chunks are here", sendLarge("a", value))
	for _, i := range []uint32{0, 1, 3, 3} {
		w.do(chunkOf(text, i))
	}
	w.do(sendLarge("a", value))
}

func TestValueThatNothingNamesIsDroppedAfterTenMinutes(t *testing.T) {
	w := newWorld(t)
	text, half := largeText("a"), largeText("b")
	w.put(text)
	w.do(chunkOf(half, 0))
	w.later(unnamedFor.Microseconds() - second)
	w.ticks()
	if !w.hasValue(text) {
		t.Fatal("dropped too early")
	}
	w.do(chunkOf(text, 1)) // it comes again: the time begins anew
	w.later(2 * second)
	w.ticks()
	if len(Chunks(w.state, chunkOf(half, 0).Hash, 0, 1)) != 0 {
		t.Error("a chunk that nothing names is kept")
	}
	if !w.hasValue(text) {
		t.Fatal("what came again just now is gone")
	}
	w.later(unnamedFor.Microseconds())
	w.ticks()
	if w.hasValue(text) {
		t.Error("a value that nothing names is kept")
	}
	if _, ok := NextTimer(w.state); ok {
		t.Error("a timer is left")
	}
	w.refuse(messages.Conflict, "0 of 4 chunks", sendLarge("a", messages.ReferenceTo(text).Value()))
}

func TestChunkThatDoesNotFitItsValueIsRefused(t *testing.T) {
	w := newWorld(t)
	text := largeText("a")
	for reason, change := range map[string]func(*messages.PutChunk){
		"no such chunk":   func(c *messages.PutChunk) { c.Index = 4 },
		"there is no":     func(c *messages.PutChunk) { c.Hash = c.Hash[1:] },
		"are the most":    func(c *messages.PutChunk) { c.Size = messages.MaxValue + 1 },
		"must have":       func(c *messages.PutChunk) { c.Data = c.Data[1:] },
		"must have 13107": func(c *messages.PutChunk) { c.Index = 1; c.Data = append(c.Data, 'x') },
	} {
		c := chunkOf(text, 0)
		c.Data = bytes.Clone(c.Data)
		change(c)
		w.refuse(messages.Invalid, reason, c)
	}
	w.do(chunkOf(text, 0))
	other := chunkOf(text, 0)
	other.Size++
	w.refuse(messages.Conflict, "would have", other)
}

// A join, a result that is handed on, and the call that
// it becomes part of all name one value.
func TestLargeResultGoesThroughPlugAndGate(t *testing.T) {
	w := newWorld(t)
	w.link("A RESULT G one; B RESULT G two")
	text := largeText("a")
	w.grant("n1/1", "0", 4)
	w.runs("A", "a", "", func(c *messages.Complete) { c.Result = w.put(text) })
	g, _ := Gate(w.state, "G")
	if c := w.getID(messages.CallIDFrom(g.Inputs[0].Oldest[0].Id)); c.Size != uint64(len(text)) {
		t.Errorf("what waits at the gate has %d bytes, and should have %d", c.Size, len(text))
	}
	s := w.runs("B", "b", "2")
	value := messages.ReferenceTo(text).Value()
	if len(s) != 1 || s[0].Socket != "G" || !bytes.Equal(s[0].Arguments.Named[0].Value, value) {
		t.Fatalf("started %v", s)
	}
	w.ok(s[0])
	w.later(2 * unnamedFor.Microseconds())
	w.ticks()
	if !w.hasValue(text) {
		t.Error("the value is gone")
	}
}

// Each value travels within its command; joined they are more than a node sends
// to another at once, and so the largest become references.
func TestJoinedCallOfManyValuesFitsAMessage(t *testing.T) {
	w := newWorld(t)
	sources := "BCDEFH"
	var plugs []string
	for _, source := range sources {
		plugs = append(plugs, string(source)+" RESULT G")
	}
	w.link(strings.Join(plugs, "; "), func(c *messages.ConfigureSocket) { c.Wait = c.Socket == "G" })
	w.grant("n1/1", "0", 1)
	text := func(i int) []byte {
		return []byte(`"` + strings.Repeat(string(sources[i]), messages.MaxInline-10) + `"`)
	}
	half := text(2)
	w.do(chunkOf(half, 1)) // some of it has come before, by itself
	w.put(text(4))
	var formed []*messages.Start
	for i, source := range sources {
		formed = w.runs(string(source), "run "+string(source), "", func(c *messages.Complete) { c.Result = text(i) })
	}
	if len(formed) != 1 || len(formed[0].Arguments.Positional) != len(sources) {
		t.Fatalf("started %v", formed)
	}
	inline, size := 0, uint64(0)
	for i, value := range formed[0].Arguments.Positional {
		inline, size = inline+len(value), size+messages.ValueSize(value)
		if r, ok := messages.ReadReference(value); !ok && !bytes.Equal(value, text(i)) || ok && r != messages.ReferenceTo(text(i)) {
			t.Errorf("argument %d is another value", i)
		}
	}
	if inline > messages.MaxInline {
		t.Errorf("%d bytes travel with the call, and %d are the most", inline, messages.MaxInline)
	}
	if call := w.getID(messages.CallIDFrom(formed[0].Call)); call.Size != size || size != uint64(len(sources)*(messages.MaxInline-8)) {
		t.Errorf("the call has %d bytes, its arguments %d", call.Size, size)
	}
	w.ok(formed[0])
	w.later(2 * unnamedFor.Microseconds())
	w.ticks()
	if !w.hasValue(half) {
		t.Error("a value of a call that is there is gone")
	}
}

func TestMessageWithALargeValueWaitsForItsChunks(t *testing.T) {
	w := newWorld(t)
	text := largeText("a")
	value := messages.ReferenceTo(text).Value()
	m, err := messages.NewCommand(&messages.Arrive{Id: id("m").Bytes(), Socket: "A", Value: value, Parent: id("p").Bytes(), Tracking: id("p").Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	d := &messages.Deliver{From: 9, Seq: 1, Type: uint32(m.Type), Command: m.Body}
	w.refuse(messages.Conflict, "0 of 4 chunks are here", d)
	w.put(text)
	w.do(d)
	w.is("m", isQueued)
	w.do(d) // again: it is known
}

func TestUnnamedValuesAreBounded(t *testing.T) {
	w := newWorld(t)
	s := newStep(w.state, partitionOfTests, w.now, new(recent))
	s.partition.unnamed = maxUnnamed
	if _, refusal := s.putChunk(chunkOf(largeText("a"), 0)); refusal == nil || refusal.RetryAfter == 0 {
		t.Errorf("one chunk too many: %v", refusal)
	}
}

func TestListenersHearTheSizeOfALargeResult(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	text := largeText("a")
	w.runs("A", "a", "", func(c *messages.Complete) { c.Result = w.put(text) })
	all := Touched(w.state, &messages.PollRequest{Channels: []string{ChannelOutput}}, id("a"), 0, true)
	if len(all) != 1 || all[0].Message != fmt.Sprintf(`{"result_size":%d}`, len(text)) {
		t.Errorf("told %v", all)
	}
}

func TestDroppedCallLetsGoOfItsValues(t *testing.T) {
	w := newWorld(t)
	w.socket("A", func(c *messages.ConfigureSocket) { c.Retention = &messages.Retention{Age: 1000} })
	w.grant("n1/1", "0", 1)
	text, result := largeText("a"), largeText("b")
	s := starts(w.do(sendLarge("a", w.put(text))))
	w.answer(s[0], messages.Outcome_OK, func(c *messages.Complete) { c.Result = w.put(result) })
	w.later(2 * second)
	w.ticks()
	if _, there := GetCall(w.state, id("a"), false, w.now); there {
		t.Fatal("the call is kept")
	}
	if !w.hasValue(text) {
		t.Error("its values are gone at once")
	}
	w.later(unnamedFor.Microseconds())
	w.ticks()
	if w.hasValue(text) || w.hasValue(result) {
		t.Error("its values are kept")
	}
}
