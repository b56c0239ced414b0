package flow

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// compareResults holds what is told of a batch's results against what is told of
// its calls one by one.
func (e *episode) compareResults() {
	e.t.Helper()
	for _, c := range e.log {
		m, err := c.Decode()
		if err != nil {
			e.fatal("%v", err)
		}
		if b, ok := m.(*messages.EnqueueBatch); ok && len(b.Arguments) > 0 {
			e.compareBatch(messages.CallIDFrom(b.First), len(b.Arguments))
		}
	}
}

func (e *episode) compareBatch(first messages.CallID, count int) {
	e.t.Helper()
	var known messages.Known
	var want []*messages.Call
	seq, whole := uint64(0), true
	for i := range count {
		c, ok := GetCall(e.state, first.At(first.Index()+i), false, e.now)
		if !ok || i > 0 && c.Seq != seq+1 {
			whole = false // it was refused, and some of its ids belong to others
			break
		}
		seq = c.Seq
		switch c.Log = nil; {
		case c.State == isQueued || c.State == isRunning:
		case e.rng.IntN(3) == 0:
			known = known.With(i)
		default:
			want = append(want, c)
		}
	}
	got, there := Results(e.state, first, count, known)
	if !whole {
		return
	}
	if !there || len(got) != len(want) {
		e.fatal("batch %s of %d, without %b: %v %v, want %v", first, count, known, got, there, want)
	}
	for i := range got {
		if !proto.Equal(got[i], want[i]) {
			e.fatal("batch %s: %v, want %v", first, got[i], want[i])
		}
	}
}

func TestResultsOfABatch(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 3)
	w.batch("A", "three", 3)
	for _, s := range Leases(w.state, "") {
		w.answer(s, messages.Outcome_OK, func(c *messages.Complete) { c.Result = []byte("1") })
	}
	first := id("three")
	if _, there := Results(w.state, first, 4, nil); there {
		t.Error("a batch of 3 is said to have 4 calls")
	}
	if _, there := Results(w.state, id("another"), 3, nil); there {
		t.Error("a batch that nobody sent is there")
	}
	if got, there := Results(w.state, first, 3, messages.Known{}.With(1)); !there || len(got) != 2 {
		t.Errorf("%d ended, %v; want the first and the last", len(got), there)
	}
}

// TestResultsThatWereDroppedAreNotWaitedFor drops a call of a batch while the
// last one runs: its result can still be had, and then no more.
func TestResultsThatWereDroppedAreNotWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.socket("A", keeping(&messages.Retention{Age: 1000}))
	w.grant("n1/1", "0", 3)
	w.batch("A", "three", 3)
	leases := Leases(w.state, "")
	w.ok(leases[0])
	w.ok(leases[1])
	known := messages.Known{}.With(0) // the second one's answer is lost on its way
	w.later(2 * second)
	w.ticks()
	if got, there := Results(w.state, id("three"), 3, known); !there || len(got) != 0 {
		t.Errorf("while the last one runs: %v, %v", got, there)
	}
	w.ok(leases[2])
	if got, there := Results(w.state, id("three"), 3, known); !there || len(got) != 1 {
		t.Errorf("when it has ended: %v, %v", got, there)
	}
	if got, there := Results(w.state, id("three"), 3, known.With(2)); there {
		t.Errorf("nothing is left to come, and it answers %v", got)
	}
}

// TestAnswerWithResultsIsBounded asks for more than fits one answer.
func TestAnswerWithResultsIsBounded(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 10)
	w.batch("A", "ten", 10)
	large := make([]byte, messages.MaxInline)
	for i := range large {
		large[i] = '1'
	}
	for _, s := range Leases(w.state, "") {
		w.answer(s, messages.Outcome_OK, func(c *messages.Complete) { c.Result = large })
	}
	var known messages.Known
	for seen := 0; seen < 10; {
		got, there := Results(w.state, id("ten"), 10, known)
		size := 0
		for _, c := range got {
			size += len(c.Result)
			known = known.With(messages.CallIDFrom(c.Id).Index())
		}
		if seen += len(got); !there || len(got) == 0 || size > messages.MaxSome {
			t.Fatalf("%d calls of %d bytes, %v", len(got), size, there)
		}
	}
	if got, _ := Results(w.state, id("ten"), 10, known); len(got) != 0 {
		t.Errorf("%d calls beside those that are known", len(got))
	}
}
