package sim

import (
	"math/rand/v2"
	"time"
)

// Faults that there are, by name.
const (
	faultKill      = "kill"
	faultPartition = "partition"
	faultLoss      = "loss"
)

// How much, and for how long, at most.
const (
	faultDown    = 4 * time.Second
	faultCut     = 8 * time.Second
	faultLossFor = 5 * time.Second
	mostLoss     = 0.3
	mostCalls    = 400 // host calls until a death that was decided on
)

// faultKinds are the faults that a run can have.
func faultKinds() []kind {
	return []kind{
		{faultKill, "a node ends at one of its next calls of the host, and loses what it had not synced", func(rng *rand.Rand, _ int, e *Event) {
			e.Count, e.For = 1+rng.IntN(mostCalls), some(rng, faultDown)
		}, killNode},
		{faultPartition, "a node is cut off from the others, in one direction or in both", func(rng *rand.Rand, _ int, e *Event) {
			e.Count, e.For = rng.IntN(3), some(rng, faultCut)
		}, cutOff},
		{faultLoss, "packets are lost, and pieces of streams come late", func(rng *rand.Rand, _ int, e *Event) {
			e.Share, e.For = rng.Float64()*mostLoss, some(rng, faultLossFor)
		}, lose},
	}
}

// killNode ends a node at its Count-th next call of the host.
func killNode(w *World, e Event) {
	if m := w.machines[e.Node]; m.running && m.dieIn == 0 {
		m.dieIn, m.downFor = e.Count, int64(e.For)
	}
}

// cutOff cuts what a node sends (Count 1: only what it gets).
func cutOff(w *World, e Event) {
	var cut []link
	for i := range w.options.Nodes {
		if i != e.Node && e.Count != 1 {
			cut = append(cut, link{e.Node, i})
		}
		if i != e.Node && e.Count != 2 {
			cut = append(cut, link{i, e.Node})
		}
	}
	for _, l := range cut {
		w.net.cut[l] = true
	}
	w.after(e.For, func() {
		for _, l := range cut {
			delete(w.net.cut, l)
		}
	})
}

// lose makes the network lose a share of what it carries.
func lose(w *World, e Event) {
	w.net.loss = e.Share
	w.after(e.For, func() { w.net.loss = 0 })
}
