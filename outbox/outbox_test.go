package outbox

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// TestEachMessageCountsOnceAndInOrder sends over a courier that repeats,
// forgets acknowledgements and starts over, and looks at what was applied.
func TestEachMessageCountsOnceAndInOrder(t *testing.T) {
	for round := *first; round < *first+300; round++ {
		rng := rand.New(rand.NewPCG(round, 2))
		sender, receiver := kv.NewMap(), kv.NewMap()
		var sent, applied []uint64
		for step := 0; step < 100 || len(applied) < len(sent); step++ {
			if step < 100 && rng.IntN(2) == 0 {
				sent = append(sent, Put(sender, 2, messages.Command{Type: messages.CommandTick}))
				Put(sender, 3, messages.Command{Type: messages.CommandTick})
			}
			for m := range Pending(sender.Clone()) {
				if m.To != 2 {
					continue
				}
				fresh, err := Accept(receiver, 1, m.Seq)
				if err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
				if fresh {
					applied = append(applied, m.Seq)
				}
				if rng.IntN(2) == 0 {
					Drop(sender, 2, m.Seq)
					if !Acknowledged(sender, 2, m.Seq) || Acknowledged(sender, 3, m.Seq) {
						t.Fatalf("round %d: message %d: wrong acknowledgement", round, m.Seq)
					}
				}
				if rng.IntN(3) == 0 {
					break
				}
			}
		}
		if !slices.Equal(sent, applied) {
			t.Fatalf("round %d: sent %v, applied %v", round, sent, applied)
		}
	}
}

func TestGapIsRefused(t *testing.T) {
	m := kv.NewMap()
	if _, err := Accept(m, 1, 2); err == nil {
		t.Error("message 2 was accepted before 1")
	}
	if AcknowledgedTo(m, 1) != 0 || Acknowledged(m, 1, 1) {
		t.Error("a message that was never sent is acknowledged")
	}
}
