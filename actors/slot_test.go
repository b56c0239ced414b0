package actors

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

func unmarshal(b []byte, m proto.Message) error { return proto.Unmarshal(b, m) }

func TestCallsRunOnSlots(t *testing.T) {
	inWorld(t, 1, 2, func(t *testing.T, w *world) {
		w.place("c1", map[messages.NodeID]int32{lead1: 2})
		ids := w.partition.run("1ms", 200)
		w.until("all calls finish", 10*time.Second, w.finished(len(ids)))
		for _, id := range ids {
			if got := string(w.partition.call(id).result); got != `"`+id.String()+`"` {
				t.Errorf("call %v: result %s", id, got)
			}
		}
		if ran := len(w.workers[lead1].ran); ran != len(ids) {
			t.Errorf("%d runs of %d calls", ran, len(ids))
		}
	})
}
