package flow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// TestResultsAreKeptAsTheyCame holds short results, which stand in their call's
// record, and longer ones, which do not, to the same: a list shows them when it is
// asked to, and nothing of them is left when the calls are dropped.
func TestResultsAreKeptAsTheyCame(t *testing.T) {
	w := newWorld(t)
	w.grant("n/1", "s", 4)
	for _, size := range []int{2, 511, 512, 513, 5000} {
		name, result := fmt.Sprint("of ", size), `"`+strings.Repeat("x", size-2)+`"`
		started := w.send("A", name)
		w.answer(started[0], messages.Outcome_OK, func(c *messages.Complete) { c.Result = []byte(result) })
		got, ok := GetCall(w.state, id(name), false, w.now)
		if !ok || string(got.Result) != result || !got.HasResult {
			t.Errorf("a result of %d bytes is read as %d bytes", size, len(got.GetResult()))
		}
		for _, asked := range []bool{false, true} {
			page := ListCalls(w.state, &messages.ListCallsRequest{Rows: 1, Results: asked}, nil, 0, w.now)
			if shown := page.Calls[0].Result; (shown != nil) != asked || asked && string(shown) != result {
				t.Errorf("a list that was asked for results: %v shows %d bytes of %d", asked, len(shown), size)
			}
		}
	}
	w.now += keepAge.Microseconds() + second
	w.do(&messages.Tick{})
	for k := range w.state.Scan([]byte("c/"), kv.PrefixEnd([]byte("c/"))) {
		t.Errorf("the record %x is left", k)
	}
	for k := range w.state.Scan([]byte("r/"), kv.PrefixEnd([]byte("r/"))) {
		t.Errorf("the result %x is left", k)
	}
}
