package actors

import (
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

// A node asks another what an attempt that runs there prints; of one that it
// does not have it knows nothing.
func TestAnyNodeAsksForWhatAnAttemptPrints(t *testing.T) {
	inWorld(t, 2, 2, func(t *testing.T, w *world) {
		const far = messages.NodeID("node-b")
		w.place("c1", map[messages.NodeID]int32{far: 2})
		ids := w.partition.run("hang", 2)
		w.until("both run", 5*time.Second, func() bool { return len(w.workers[far].runs()) == 2 })
		ask := func(id messages.CallID, attempt uint32) *messages.PrintedAnswer {
			t.Helper()
			a, err := w.system.Printed(t.Context(), far, &messages.PrintedQuery{Call: id.Bytes(), After: &messages.LogPlace{Attempt: attempt}})
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		for _, id := range ids {
			if a := ask(id, 1); !a.Known || string(a.Text) != id.String() {
				t.Errorf("of call %s it is said: %v", id, a)
			}
		}
		if a := ask(ids[0], 2); a.Known {
			t.Errorf("of an attempt that was not made it is said: %v", a)
		}
		if _, err := w.system.Printed(t.Context(), "node-z", &messages.PrintedQuery{Call: ids[0].Bytes()}); err == nil {
			t.Error("a node that is not there answers")
		}
	})
}
