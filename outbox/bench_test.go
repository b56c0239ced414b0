package outbox

import (
	"testing"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// BenchmarkMessage measures a message's way: put, read and packed, unpacked and
// accepted, dropped. 64 go together.
func BenchmarkMessage(b *testing.B) {
	sender, receiver := kv.NewMap(), kv.NewMap()
	c := messages.Command{Type: messages.CommandTick, Body: make([]byte, 200)}
	const together = 64
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		Put(sender, 2, c)
		if i%together > 0 {
			continue
		}
		var batch []Message
		for m := range PendingTo(sender, 2) {
			batch = append(batch, m)
		}
		d, last := Pack(1, batch)
		for _, m := range Unpack(d) {
			if fresh, err := Accept(receiver, 1, m.Seq); !fresh || err != nil {
				b.Fatalf("message %d: fresh %v, %v", m.Seq, fresh, err)
			}
		}
		for _, m := range batch {
			Drop(sender, 2, m.Seq)
		}
		if last != batch[len(batch)-1].Seq {
			b.Fatalf("the pack ends with %d", last)
		}
	}
}
