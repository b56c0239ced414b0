package sim

import "slices"

// faultKinds are the faults that a run can have.
func faultKinds() []kind {
	return slices.Concat(nodeFaults(), networkFaults(), diskFaults(), workerFaults())
}

// nodes are the machines that nodes run on: those that came later, too.
func (w *World) nodes() []*machine {
	return slices.DeleteFunc(slices.Clone(w.machines), func(m *machine) bool { return m.index == w.options.Nodes })
}
