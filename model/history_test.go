package model

import (
	"slices"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// TestHistoryTellsEachStatusOnce against what was seen after each command.
func TestHistoryTellsEachStatusOnce(t *testing.T) {
	w := founded(t, 4)
	w.do(processor("p", 2, "f"))
	var want []string
	see := func() {
		o := w.processor("p")
		if n := len(want); n == 0 || want[n-1] != o.Status {
			want = append(want, o.Status)
		}
		var got []string
		for _, m := range History(w.state, o.Id, 0) {
			got = append(got, m.Status)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("history %v, want %v", got, want)
		}
	}
	see()
	w.reports("a", "p", Building, 0, "installing")
	see()
	w.reports("a", "p", Running, 2, "")
	see()
	began := w.index
	w.ask("p", Paused)
	see()
	w.ask("p", Running)
	see()
	w.reports("a", "p", Running, 1, "") // the same status
	see()
	if later := History(w.state, w.processor("p").Id, began); len(later) != len(want)-2 || later[0].Status != Paused || later[0].Index != began+1 || later[0].Time == 0 {
		t.Errorf("behind entry %d: %v of %v", began, later, want)
	}
}

func TestHistoryIsBoundedAndGoesWithItsProcessor(t *testing.T) {
	w := founded(t, 4)
	w.do(processor("p", 2, "f"))
	w.reports("a", "p", Failed, 0, strings.Repeat("e", 2*maxChangeMessage))
	failed := History(w.state, w.processor("p").Id, 0)
	if last := failed[len(failed)-1]; last.Status != Failed || len(last.Message) != maxChangeMessage {
		t.Errorf("the last change is %s with %d bytes", last.Status, len(last.Message))
	}
	for range maxChanges {
		w.ask("p", Paused)
		w.ask("p", Running)
	}
	changes := History(w.state, w.processor("p").Id, 0)
	if len(changes) != maxChanges || changes[len(changes)-1].Index != w.index {
		t.Errorf("%d changes are kept up to entry %d", len(changes), w.index)
	}
	w.do(&messages.Delete{Kind: messages.Kind_KIND_PROCESSOR, Name: "p"})
	w.acknowledge(1)
	w.acknowledge(2)
	if left := keysBelow(w.state, []byte(histories)); len(left) != 0 {
		t.Errorf("of a processor that is gone %d changes are kept", len(left))
	}
}
