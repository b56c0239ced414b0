package sim

import (
	"math/rand/v2"
	"strings"
	"time"
)

// What changes who is in the network, or what its nodes are.
const (
	operationLeave   = "leave"
	operationReplace = "replace"
	operationVersion = "version"
)

// comesBack is how long after its removal a node is started again, which must
// refuse.
const comesBack = time.Second

// memberKinds are operations on members. Those that take a copy of the data away,
// as a disk that rots does, happen once in a run together, and only where each
// group has others.
func memberKinds() []kind {
	return []kind{
		{operationLeave, "a node is stopped, deleted for good, and started again, which it must refuse", func(*rand.Rand, int, *Event) {}, leave},
		{operationReplace, "a node's machine breaks, and a new one with an empty disk takes its name", func(rng *rand.Rand, _ int, e *Event) {
			e.For = some(rng, faultDown)
		}, replaceMachine},
		{operationVersion, "the nodes change to the next release, one after the other; and back, the next time", func(rng *rand.Rand, _ int, e *Event) {
			e.For = some(rng, restartDown)
		}, changeVersion},
	}
}

// takeCopy says whether a node's copy of the data may be taken away now, and that
// it is.
func (w *World) takeCopy() bool {
	if w.taken || w.copies() < leastCopies {
		return false
	}
	w.taken = true
	return true
}

func replaceMachine(w *World, e Event) {
	m := w.machines[e.Node]
	if !w.takeCopy() {
		return
	}
	if m.running {
		m.downFor = int64(e.For)
		m.kill()
	}
	w.wiped(m)
}

// leave stops a node; when it is down, the operator deletes it.
func leave(w *World, e Event) {
	m := w.machines[e.Node]
	if !m.running || m.stopping || !w.takeCopy() {
		return
	}
	m.leaving = true
	w.restart(m, 0)
}

// Orders that an operator gives at the clients' machine, and what it answers.
const (
	orderDelete = "delete "
	noteDeleted = "deleted "
)

// leaves lets the operator delete a node that has stopped.
func (w *World) leaves(m *machine) {
	w.record(m.name, m.boots, "leaves")
	w.machines[w.options.Nodes].order(orderDelete + m.name)
}

// deleted starts a node again that was removed from the network.
func (w *World) deleted(line string) {
	for _, m := range w.nodes() {
		if m.leaving && !m.removed && m.name == strings.TrimPrefix(line, noteDeleted) {
			w.returns(m, int64(comesBack))
		}
	}
}

// returns starts a node that was removed, so that it finds that out.
func (w *World) returns(m *machine, after int64) {
	w.at(w.now+after, func() {
		if m.removed = true; w.now < epoch+int64(w.options.For) {
			w.record(m.name, m.boots, "removed")
			m.boot()
		}
	})
}
