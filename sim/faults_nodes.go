package sim

import (
	"math/rand/v2"
	"time"
)

// What befalls nodes, by name.
const (
	faultKill     = "kill"
	faultBlackout = "blackout"
	faultPause    = "pause"
	faultSlow     = "slow"
	faultSkew     = "skew"
	faultDrift    = "drift"
)

// How much, and for how long, at most.
const (
	faultDown     = 4 * time.Second
	faultPauseFor = 8 * time.Second
	faultSlowFor  = 6 * time.Second
	faultClockFor = 8 * time.Second
	mostCalls     = 400 // host calls until a death that was decided on
	mostStagger   = 500 // ms between two nodes that come back
	mostStepCost  = 2000
	mostSkew      = 10 * time.Second
	mostDrift     = 0.2
)

// nodeFaults are what befalls nodes.
func nodeFaults() []kind {
	return []kind{
		{faultKill, "a node ends at one of its next calls of the host, and loses what it had not synced", func(rng *rand.Rand, _ int, e *Event) {
			e.Count, e.For = 1+rng.IntN(mostCalls), some(rng, faultDown)
		}, killNode},
		{faultBlackout, "all nodes end at the same time", func(rng *rand.Rand, _ int, e *Event) {
			e.Count, e.For = rng.IntN(mostStagger), some(rng, faultDown)
		}, blackout},
		{faultPause, "a node stands still in the middle of what it does, and goes on as if nothing had been", func(rng *rand.Rand, _ int, e *Event) {
			e.Count, e.For = 1+rng.IntN(mostCalls), some(rng, faultPauseFor)
		}, pauseNode},
		{faultSlow, "each step of a node takes time", func(rng *rand.Rand, _ int, e *Event) {
			e.Count, e.For = 1+rng.IntN(mostStepCost), some(rng, faultSlowFor)
		}, slowNode},
		{faultSkew, "a node's clock is wrong", func(rng *rand.Rand, _ int, e *Event) {
			e.Share, e.For = 2*rng.Float64()-1, some(rng, faultClockFor)
		}, skewClock},
		{faultDrift, "a node's clock goes too fast or too slowly", func(rng *rand.Rand, _ int, e *Event) {
			e.Share, e.For = (2*rng.Float64()-1)*mostDrift, some(rng, faultClockFor)
		}, driftClock},
	}
}

// killNode ends a node at its Count-th next call of the host.
func killNode(w *World, e Event) {
	if m := w.machines[e.Node]; m.running && m.dieIn == 0 {
		m.dieIn, m.downFor = e.Count, int64(e.For)
	}
}

// blackout ends all nodes; they come back one after the other, Count
// milliseconds apart.
func blackout(w *World, e Event) {
	for i, m := range w.nodes() {
		if m.running {
			m.downFor = int64(e.For) + int64(i*e.Count)*int64(time.Millisecond)
			m.kill()
		}
	}
}

// pauseNode stops a node at its Count-th next call of the host.
func pauseNode(w *World, e Event) {
	if m := w.machines[e.Node]; m.running && m.stallIn == 0 {
		m.stallIn, m.stallFor = e.Count, int64(e.For)
	}
}

// slowNode makes each of a node's calls of the host take Count microseconds more.
func slowNode(w *World, e Event) {
	m := w.machines[e.Node]
	cost := int64(e.Count) * int64(time.Microsecond)
	m.stepCost += cost
	w.after(e.For, func() { m.stepCost -= cost })
}

// skewClock puts a node's clock before or back, and later right again.
func skewClock(w *World, e Event) {
	m := w.machines[e.Node]
	skew := int64(e.Share * float64(mostSkew))
	m.skew += skew
	w.after(e.For, func() { m.skew -= skew })
}

// driftClock lets a node's clock gain or lose, and later puts it right.
func driftClock(w *World, e Event) {
	m := w.machines[e.Node]
	m.drift, m.driftSince = e.Share, w.now
	w.after(e.For, func() { m.drift = 0 })
}
