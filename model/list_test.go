package model

import (
	"fmt"
	"slices"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// compareLists holds what List gives, page by page, against a look at all.
func compareLists(t *testing.T, w *world) {
	t.Helper()
	for _, kind := range []messages.Kind{messages.Kind_KIND_QUEUE, messages.Kind_KIND_SOCKET, messages.Kind_KIND_ARGUMENT, messages.Kind_KIND_PLUG, messages.Kind_KIND_WORKER} {
		for _, filter := range []Filter{{}, {Name: "1"}, {Status: Deleting}, {Queue: "q1"}, {Processor: "p1"}, {Processor: "p2", Queue: "q2"}, {Task: "p1.f"}, {Socket: "s1"}, {Node: "a"}} {
			var want, got []string
			for _, o := range all(w.state, kind) {
				if filter.on(w.state)(o) {
					want = append(want, indexName(w.state, o))
				}
			}
			for last := ""; ; {
				page, total := List(w.state, kind, filter, last, 2)
				if total != len(want) {
					t.Fatalf("%s where %+v: %d in all, want %d", noun(kind), filter, total, len(want))
				}
				if len(page) == 0 {
					break
				}
				for _, o := range page {
					last = indexName(w.state, o)
					got = append(got, last)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s where %+v: %v, want %v", noun(kind), filter, got, want)
			}
		}
	}
}

// TestAWrongNameIsFoundAmongMany: of many names only some are looked at, and those
// that begin like the wrong one are among them.
func TestAWrongNameIsFoundAmongMany(t *testing.T) {
	w := founded(t, 4)
	for i := range 3 * maxCandidates {
		w.state.Set(nameKey(messages.Kind_KIND_SOCKET, fmt.Sprintf("orders.eu%06d", i)), []byte{})
	}
	w.state.Set(nameKey(messages.Kind_KIND_SOCKET, "payments.mail"), []byte{})
	for name, want := range map[string]string{"orders.eu00420": "orders.eu000420", "payments.mial": "payments.mail", "orders.eu000420x": "orders.eu000420"} {
		if near := Nearest(w.state, messages.Kind_KIND_SOCKET, name); len(near) == 0 || !slices.Contains(near, want) {
			t.Errorf("nearest to %s: %v, want %s among them", name, near, want)
		}
	}
	if n := len(candidates(w.state, messages.Kind_KIND_SOCKET, "orders.eu00420")); n > 5*maxCandidates {
		t.Errorf("%d names were looked at", n)
	}
}
