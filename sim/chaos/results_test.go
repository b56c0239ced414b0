//go:build e2e

package chaos

import (
	"fmt"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// TestResultsOfABatchSurviveTheirLeader asks the other nodes for the results of
// a batch while the node that leads its partition is killed: each result comes
// once, and is the right one.
func TestResultsOfABatchSurviveTheirLeader(t *testing.T) {
	l := newLab(t, 3, "--cpus", "2")
	l.processor("many", "--concurrency", "4")
	socket := l.socket("many", "emit_one")
	data := make([]string, 1000)
	for i := range data {
		data[i] = fmt.Sprint(i)
	}
	batch, err := l.c.SubmitBatch(t.Context(), &messages.SubmitBatchRequest{Socket: socket, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	first, err := messages.ParseCallID(batch.First)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for call, err := range l.c.Results(t.Context(), batch) {
		if err != nil {
			t.Fatalf("after %d results: %v", len(seen), err)
		}
		id, err := messages.ParseCallID(call.Id)
		if i := id.Index() - first.Index(); err != nil || seen[i] || call.State != "finished" || call.GetResult() != data[i] {
			t.Fatalf("call %s (seen: %v) gives %s, and is %s %v", call.Id, seen[i], call.GetResult(), call.State, call.Error)
		}
		if seen[id.Index()-first.Index()] = true; len(seen) == 50 {
			l.node(l.leader(uint32(first.Partition()))).Kill()
		}
	}
	if len(seen) != len(data) {
		t.Errorf("%d results of %d calls", len(seen), len(data))
	}
}
