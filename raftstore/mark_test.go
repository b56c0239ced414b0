package raftstore

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// TestMarkFollowsTheLog sees the mark raised a second after the log has grown, at
// once when it has grown by much, and not while it does not grow.
func TestMarkFollowsTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, _ := testGuard(t)
		reaches := func(want uint64, within time.Duration) {
			t.Helper()
			synctest.Wait()
			time.Sleep(within)
			synctest.Wait()
			g.mark.mu.Lock()
			defer g.mark.mu.Unlock()
			if g.mark.value != want {
				t.Errorf("the mark is at %d, and not at %d", g.mark.value, want)
			}
		}
		g.append(t, 1, 2)
		reaches(0, markEvery/2)
		g.append(t, 3, 3)
		reaches(3, markEvery/2)

		g.append(t, 4, 3+markEntries)
		reaches(3+markEntries, 0)

		b.calls = nil
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(b.calls) != 0 {
			t.Errorf("the log did not grow, and the store was asked to %v", b.calls)
		}

		if err := g.DeleteRange(11, 3+markEntries); err != nil {
			t.Fatal(err)
		}
		g.append(t, 11, 11)
		reaches(10, markEvery/2)
		reaches(11, markEvery/2)
	})
}

// TestGrowthIsToldOnce sees that an entry wakes nobody who waits for a second
// anyway.
func TestGrowthIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, g, _ := testGuard(t)
		g.append(t, 1, 1)
		synctest.Wait()
		for i := uint64(2); i < markEntries; i++ {
			if err := g.StoreLog(&raft.Log{Index: i, Term: 1}); err != nil {
				t.Fatal(err)
			}
			if len(g.mark.grown) != 0 {
				t.Fatalf("entry %d wakes the mark up", i)
			}
		}
	})
}
