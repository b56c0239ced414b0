package actors

import (
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

// TestDepthFollowsTheDurationOfCalls: a worker holds little work that cannot be
// taken back, and enough of short calls to be busy.
func TestDepthFollowsTheDurationOfCalls(t *testing.T) {
	for _, c := range []struct {
		average time.Duration
		depth   int
	}{
		{0, 1}, {10 * time.Microsecond, 1 + maxBehind}, {250 * time.Microsecond, 5}, {time.Millisecond, 2}, {2 * time.Millisecond, 2}, {20 * time.Millisecond, 1},
	} {
		w := window{average: c.average}
		if got := w.depth(); got != c.depth {
			t.Errorf("calls of %v: %d may be with the worker, want %d", c.average, got, c.depth)
		}
	}
	w := window{average: time.Microsecond}
	w.punish()
	if got := w.depth(); got != 1 {
		t.Errorf("after a call had to be taken back: %d may be with the worker", got)
	}
}

// TestWindowIsBoundedByBytes: the arguments of what a slot holds fit into its share of
// the memory, of calls as short as can be, too.
func TestWindowIsBoundedByBytes(t *testing.T) {
	for _, c := range []struct {
		bytes int
		size  uint32
	}{
		{0, messages.MaxWindow}, {100, messages.MaxWindow}, {1 << 20, 16}, {ahead, 1}, {4 * ahead, 1},
	} {
		w := window{average: time.Microsecond}
		for range 100 {
			w.weigh(c.bytes)
		}
		if got := w.size(); got < c.size || got > c.size+c.size/10 || got > messages.MaxWindow {
			t.Errorf("calls of %d bytes: a window of %d, want %d", c.bytes, got, c.size)
		}
	}
}

// TestTookIsTheWorkersTime: of calls that are heard of together, each has its own.
func TestTookIsTheWorkersTime(t *testing.T) {
	for _, c := range []struct {
		done          Done
		awaited, want time.Duration
	}{
		{Done{Started: 1000, Ended: 1030}, time.Millisecond, 30 * time.Microsecond},
		{Done{Started: 1000, Ended: 9_001_000}, time.Millisecond, time.Millisecond}, // a clock that was set
		{Done{Started: 2000, Ended: 1000}, time.Millisecond, time.Millisecond},
		{Done{}, time.Millisecond, time.Millisecond},
	} {
		if got := took(&c.done, c.awaited); got != c.want {
			t.Errorf("%v: took %v, want %v", c, got, c.want)
		}
	}
}
