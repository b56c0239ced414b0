package api

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/elasticcode/flow/messages"
)

func TestBacklogOfAListenerIsBoundedInBytes(t *testing.T) {
	b := newBacklog()
	large := strings.Repeat("x", maxBacklogBytes/3)
	for range 5 {
		b.add(&messages.Notice{Message: large})
	}
	b.add(&messages.Notice{Message: "small"})
	want := []int64{3, 0, 0} // two large ones and the small one have room
	for _, missed := range want {
		m, err := b.take(t.Context())
		if err != nil || m.Dropped != missed {
			t.Errorf("took %.5s, missed %d, %v; want missed %d", m.GetMessage(), m.GetDropped(), err, missed)
		}
	}
	b.add(&messages.Notice{Message: strings.Repeat("x", 2*maxBacklogBytes)})
	if m, err := b.take(t.Context()); err != nil || m.Dropped != 0 {
		t.Errorf("one that is larger than all the room: %v", err)
	}
}

// TestWhatIsPastWaitsForRoom: several partitions tell it at once, and none of it is
// missed by a listener that takes its time.
func TestWhatIsPastWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBacklog()
		const partitions, each = 4, 3 * maxBacklog / 4
		for range partitions {
			go func() {
				for range each {
					b.wait(t.Context(), &messages.Notice{})
				}
			}()
		}
		for range partitions * each {
			if m, err := b.take(t.Context()); err != nil || m.Dropped != 0 {
				t.Fatalf("took %v, %v", m, err)
			}
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if m, err := b.take(gone); err == nil {
			t.Errorf("took %v", m)
		}
	})
}
