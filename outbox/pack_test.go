package outbox

import (
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestPackedDeliveriesAreBoundedAndLoseNothing(t *testing.T) {
	var all []Message
	for i := range 1000 {
		body := make([]byte, 10)
		if i == 500 {
			body = make([]byte, 2*maxParcelBytes) // alone it goes, however large
		}
		all = append(all, Message{To: 2, Seq: uint64(i + 7), Command: messages.Command{Type: messages.CommandTick, Body: body}})
	}
	next := uint64(7)
	for n := 0; len(all) > 0; n++ {
		d, last := Pack(1, all)
		for _, m := range Unpack(d) {
			if m.Seq != next || m.Command.Type != messages.CommandTick {
				t.Fatalf("message %d has number %d", next, m.Seq)
			}
			next++
		}
		if last != next-1 || d.From != 1 || len(d.More) >= maxParcels {
			t.Fatalf("a delivery of %d ends with %d, not %d", len(d.More)+1, last, next-1)
		}
		all = all[len(d.More)+1:]
	}
	if next != 1007 {
		t.Errorf("packed up to %d", next-1)
	}
}
