package actors

import (
	"slices"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

// What a call still runs with is in use, also when its processor has gone on.
func TestCodeIsInUseUntilItsLastCallHasEnded(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		w.partition.run("3h", 1)
		w.until("it runs", 5*time.Second, func() bool { return len(w.workers[lead1].runs()) == 1 })
		w.place("c2", on(1))
		w.partition.set(func() { w.partition.commit = "c2" })
		last := func() (commits []string) {
			w.builds[lead1].set(func() {
				if n := len(w.builds[lead1].inUse); n > 0 {
					for _, e := range w.builds[lead1].inUse[n-1] {
						commits = append(commits, e.Commit)
					}
				}
			})
			slices.Sort(commits)
			return slices.Compact(commits)
		}
		time.Sleep(retireEvery + time.Minute) // in virtual time
		if got := last(); !slices.Equal(got, []string{"c1", "c2"}) {
			t.Errorf("while the old call runs %v are in use", got)
		}
		time.Sleep(3 * retireEvery)
		if got := last(); !slices.Equal(got, []string{"c2"}) {
			t.Errorf("after its end %v are in use", got)
		}
		var all [][]messages.Environment
		w.builds[lead1].set(func() { all = w.builds[lead1].inUse })
		if n := len(all); n != 5 {
			t.Errorf("it was said %d times in four hours", n)
		}
	})
}
