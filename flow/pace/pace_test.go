package pace

import (
	"math/rand/v2"
	"testing"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages/rate"
)

const (
	began  = int64(1_760_000_000_000_000)
	second = int64(1_000_000)
)

// passed lets through as many as a pace takes: it is asked each time it has
// rested, as late as late says.
func passed(limit rate.Limit, most int, late func() int64) (times []int64) {
	var p Pace
	for now := began; len(times) < most; {
		times = append(times, now)
		if until, rests := p.Pass(limit, now); rests {
			now = until + late()
			p.Wake()
		}
	}
	return times
}

func TestLimitIsSpreadEvenly(t *testing.T) {
	for i, at := range passed(rate.Limit{Times: 5, Per: uint64(second)}, 20, func() int64 { return 0 }) {
		if want := began + int64(i)*second/5; at != want {
			t.Errorf("number %d passes after %d µs, want %d", i, at-began, want-began)
		}
	}
}

func TestHighLimitComesInBursts(t *testing.T) {
	times := passed(rate.Limit{Times: 1000, Per: uint64(second)}, 1000, func() int64 { return 0 })
	if times[49] != began || times[50] != began+50_000 || times[999] != began+950_000 {
		t.Errorf("number 50 passes after %d µs, 51 after %d, the last after %d", times[49]-began, times[50]-began, times[999]-began)
	}
}

// TestNoMoreThanTheLimitPasses looks at every window of one unit, with timers
// that are late by chance. One burst may be over it, of low limits nothing.
func TestNoMoreThanTheLimitPasses(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1, 2, 7, 19, 100, 333, 5000} {
		limit := rate.Limit{Times: uint64(n), Per: uint64(second)}
		times := passed(limit, 3*n+3, func() int64 { return rng.Int64N(30_000) })
		first := 0
		for i, at := range times {
			for times[first] <= at-second {
				first++
			}
			if most := n + n/20; i-first+1 > most {
				t.Fatalf("of %d/s, %d pass in the second before %d µs", n, i-first+1, at-began)
			}
		}
	}
}

func TestPaceReadsBackAsItWasWritten(t *testing.T) {
	m, key := kv.NewMap(), OfSocket(7)
	var p Pace
	p.Pass(rate.Limit{Times: 3, Per: uint64(second)}, began)
	p.Save(m, key)
	if back := Load(m, key); back != p || back == (Pace{}) {
		t.Errorf("read back %v, want %v", back, p)
	}
	Delete(m, key)
	if back := Load(m, key); back != (Pace{}) {
		t.Errorf("deleted, and read as %v", back)
	}
}
