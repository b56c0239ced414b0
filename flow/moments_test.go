package flow

import (
	"fmt"
	"slices"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// madeAt gives n names, keys that a client made in a millisecond.
func madeAt(millisecond, n int) (all []string) {
	at := fmt.Sprintf("%012x", aMomentAgo/1000+int64(millisecond))
	for i := range n {
		all = append(all, fmt.Sprintf("%s-%s-7000-8000-%08x0000", at[:8], at[8:], i+1))
	}
	return all
}

// TestCallsOfARowAreFoundByWhenTheyWereMade: several that were made at one moment
// share a key, few and those whose ids tell no time have one each.
func TestCallsOfARowAreFoundByWhenTheyWereMade(t *testing.T) {
	w := newWorld(t)
	all := slices.Concat(madeAt(1, 20), []string{"untold"}, madeAt(2, 20), madeAt(3, 2))
	w.entry(sends("A", all...)...)
	if moments, ids := w.kept("D/"), w.kept("d/"); moments != 2 || ids != 3 {
		t.Errorf("%d moments and %d ids are kept", moments, ids)
	}
	for _, name := range all {
		w.is(name, isQueued)
		if r := w.do(enqueueOf("A", name)).Reply.GetEnqueued(); !r.Duplicate {
			t.Errorf("%s sent again: %v", name, r)
		}
	}
	other := enqueueOf("A", all[7])
	other.Content = []byte("something else")
	w.refuse(messages.Conflict, "other content", other)
	before := id(all[7]).At(0)
	w.refuse(messages.Conflict, "other content", &messages.EnqueueBatch{First: before.Bytes(), Socket: "A", Content: []byte("content of " + all[7]),
		Arguments: []*messages.Arguments{jsonArgs("1"), jsonArgs("2")}})
	w.missing(madeAt(1, 21)[20])
	w.missing(madeAt(3, 3)[2])
}

// TestManyRowsOfOneMoment: so many are listed, and each call is found.
func TestManyRowsOfOneMoment(t *testing.T) {
	w := newWorld(t)
	all := madeAt(1, 100)
	for some := range slices.Chunk(all, 5) {
		w.entry(sends("A", some...)...)
	}
	if moments, ids := w.kept("D/"), w.kept("d/"); moments != 1 || ids != 100-8*5 {
		t.Errorf("%d moments and %d ids are kept", moments, ids)
	}
	for _, name := range all {
		w.is(name, isQueued)
	}
}

// TestRowsOfOneMomentAreDropped: a call is forgotten with its own end, and the list
// goes with its rows.
func TestRowsOfOneMomentAreDropped(t *testing.T) {
	w := newWorld(t)
	w.socket("A", keeping(&messages.Retention{Calls: 1}))
	all := slices.Concat(madeAt(1, 6), []string{"untold"}, madeAt(2, 2))
	w.entry(sends("A", all...)...)
	w.entry(sends("A", madeAt(1, 12)[6:]...)...)
	for _, s := range w.grant("n/1", "0", 15) {
		w.answer(s, messages.Outcome_OK)
		w.ticks()
	}
	for _, name := range all {
		if r := w.do(enqueueOf("A", name)).Reply.GetEnqueued(); !r.Duplicate || !r.Dropped || r.State != isFinished {
			t.Errorf("%s sent again: %v", name, r)
		}
	}
	w.gone(all...)
	if moments, ids := w.kept("D/"), w.kept("d/"); moments != 1 || ids != 0 {
		t.Errorf("%d moments and %d ids are kept of the last row, of which one call is", moments, ids)
	}
	w.send("A", "last")
	for _, s := range Leases(w.state, "") {
		w.answer(s, messages.Outcome_OK)
	}
	w.ticks()
	if moments, ids, rows := w.kept("D/"), w.kept("d/"), w.kept("b/"); moments != 0 || ids != 1 || rows != 0 {
		t.Errorf("%d moments, %d ids and %d rows are kept when all rows were dropped", moments, ids, rows)
	}
}

func (w *world) missing(name string) {
	w.t.Helper()
	if c, ok := GetCall(w.state, id(name), false, w.now); ok {
		w.t.Errorf("%s, which was not sent, is %v", name, c)
	}
}
