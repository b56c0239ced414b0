package sim

import (
	"slices"
	"time"
)

// What an operator does about a node that has ended by itself: one whose disk
// has failed is started again; one whose disk is damaged is replaced.

// replaceAfter is how long it takes until a damaged disk has been replaced.
const replaceAfter = time.Second

// recover starts a machine again whose node has ended by itself.
func (w *World) recover(m *machine) {
	switch {
	case m.removed && !m.hurt:
	case m.older && !m.hurt && !m.damaged:
		w.outdated(m)
	case m.hurt:
		if m.disk.doomed() { // the system forgets what it could not write
			m.disk.crash(m.rng)
		}
		w.again(m)
	case m.damaged:
		w.at(w.now+int64(replaceAfter), func() { w.replace(m) })
	}
}

// replace gives a machine that is down an empty disk, and starts a new node on it
// that joins the others under the old name.
func (w *World) replace(m *machine) {
	if m.running || w.now >= epoch+int64(w.options.For) {
		return
	}
	w.wiped(m)
	m.boot()
}

// wiped gives a machine an empty disk.
func (w *World) wiped(m *machine) {
	m.damaged = false
	m.disk.wipe()
	m.seen(nil, "replaced")
	w.record(m.name, m.boots, "replaced")
	m.join(w.other(m))
}

// member is a node's machine, or another one's if that node leaves.
func (w *World) member(i int) *machine {
	if m := w.machines[i]; !m.leaving {
		return m
	}
	return w.other(w.machines[i])
}

// other is a node's machine that runs, or any but this one.
func (w *World) other(m *machine) *machine {
	others := slices.DeleteFunc(w.nodes(), func(o *machine) bool { return o == m })
	if i := slices.IndexFunc(others, func(o *machine) bool { return o.running && !o.stopping && !o.leaving }); i >= 0 {
		return others[i]
	}
	return others[0]
}

// join lets the machine's node join another one's network when it starts.
func (m *machine) join(member *machine) {
	m.env = slices.DeleteFunc(m.env, func(e [2]string) bool { return e[0] == "SIM_JOIN" })
	m.env = append(m.env, [2]string{"SIM_JOIN", member.address().String() + ":7462"})
}
