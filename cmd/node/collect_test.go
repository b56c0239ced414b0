package main

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestGarbageIsBounded(t *testing.T) {
	for _, row := range []struct {
		used, stacks uint64
		want         int
	}{
		{0, 0, 200}, {1 << 20, 0, 200}, {20 << 20, 0, 200}, {32 << 20, 0, 125}, {40 << 20, 0, 100}, {80 << 20, 0, 50}, {1 << 30, 0, 25},
		{40 << 20, 10 << 20, 150}, {40 << 20, 25 << 20, 196}, {80 << 20, 20 << 20, 110}, {100 << 20, 28 << 20, 100}, {80 << 20, 1 << 30, 25}, {1 << 30, 1 << 30, 25},
	} {
		if got := percentFor(row.used, row.stacks); got != row.want {
			t.Errorf("with %d MiB in use, and stacks of %d, %d%% may be garbage, want %d%%", row.used>>20, row.stacks>>20, got, row.want)
		}
	}
}

// Setting the percentage stops the world, so small changes do not count.
func TestPercentageFollowsWhatIsInUse(t *testing.T) {
	var set []int
	c := &collector{percent: garbagePercent, set: func(percent int) { set = append(set, percent) }}
	for _, used := range []uint64{10, 20, 21, 40, 41, 42, 80, 10} {
		c.heed(percentFor(used<<20, 0))
	}
	if want := []int{100, 50, 200}; !slices.Equal(set, want) {
		t.Errorf("it was set to %v, want %v", set, want)
	}
}

// What is done after a collection is done after the next one too.
func TestEachCollectionIsHeeded(t *testing.T) {
	collected := make(chan struct{}, 1)
	afterCollections(func() {
		select {
		case collected <- struct{}{}:
		default:
		}
	})
	limit := time.After(10 * time.Second)
	for range 3 {
		for heeded := false; !heeded; {
			runtime.GC() // another one, should it have come before the sentinel was there again
			select {
			case <-collected:
				heeded = true
			case <-time.After(10 * time.Millisecond):
			case <-limit:
				t.Fatal("a collection was not heeded")
			}
		}
	}
}
