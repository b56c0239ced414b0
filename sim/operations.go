package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// What operators do to a network that they run.
const (
	operationRestart  = "restart"
	operationRolling  = "rolling"
	operationTransfer = "transfer"
	operationJoin     = "join"
)

// How long things take at most, and how many nodes may join.
const (
	restartDown  = 2 * time.Second
	rollingPause = 4 * time.Second
	maxJoins     = 2
)

// operationKinds are what a run's operators do.
func operationKinds() []kind {
	return slices.Concat([]kind{
		{operationRestart, "a node is told to stop, stops in order, and is started again", func(rng *rand.Rand, _ int, e *Event) {
			e.For = some(rng, restartDown)
		}, func(w *World, e Event) { w.restart(w.machines[e.Node], e.For) }},
		{operationRolling, "all nodes are restarted, one after the other", func(rng *rand.Rand, _ int, e *Event) {
			e.For = some(rng, rollingPause)
		}, rolling},
		{operationTransfer, "a node hands over what it leads", func(*rand.Rand, int, *Event) {}, func(w *World, e Event) {
			w.machines[e.Node].order("transfer")
		}},
		{operationJoin, fmt.Sprintf("a new node joins; at most %d in a run", maxJoins), func(*rand.Rand, int, *Event) {}, join},
	}, memberKinds())
}

// restart tells a node to stop; the world starts it again.
func (w *World) restart(m *machine, down time.Duration) {
	if m.running && !m.stopping && !m.removed { // one that was removed must end by itself
		m.stopping, m.downFor = true, int64(down)
		m.order("stop")
	}
}

// rolling restarts the nodes in turn, as many of them as the time allows.
func rolling(w *World, e Event) {
	for i := range w.options.Nodes {
		if at := w.now + int64(i)*int64(e.For+time.Second); at < w.until {
			w.at(at, func() { w.restart(w.machines[(e.Node+i)%w.options.Nodes], e.For/2) })
		}
	}
}

// join starts a node that was never there. Any of the others is asked to take
// it in.
func join(w *World, e Event) {
	if w.joined == maxJoins {
		return
	}
	w.joined++
	m := w.machine(fmt.Sprintf("n%d", w.options.Nodes+w.joined))
	m.env = append(m.env, w.nodeEnv()...)
	m.join(w.member(e.Node))
	m.boot()
}

// order gives a guest an order of its operator.
func (m *machine) order(text string) {
	if m.running {
		m.deliver(arrivesOrder, 0, 0, 0, []byte(text))
	}
}
