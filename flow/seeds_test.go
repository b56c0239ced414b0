package flow

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"
)

// first is the seed of the first episode of random walks, so that one can walk
// where nobody has walked.
var first = flag.Uint64("first", 0, "seed of the first episode")

// lives lets n seeds live, as many at a time as there are processors, and stops
// soon after one has failed. Each is told how many went before it.
func lives(t *testing.T, n int, live func(t *testing.T, i int, seed uint64)) {
	t.Helper()
	if testing.Short() {
		n /= 10
	}
	// The heap is so small that it would be collected all the time.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	at := runtime.GOMAXPROCS(0)
	t.Run("lives", func(together *testing.T) {
		for one := range at {
			together.Run(fmt.Sprint(one), func(t *testing.T) {
				t.Parallel()
				for i := one; i < n && !together.Failed(); i += at {
					live(t, i, *first+uint64(i))
				}
			})
		}
	})
}
