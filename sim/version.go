package sim

import (
	"slices"
	"strconv"
	"time"

	"github.com/elasticcode/flow/messages"
)

// In a run with a change of version, all nodes begin as the release before: they
// run the program of --guest-b, if it names one, and otherwise the same program,
// which then supports one feature level less. Once all have changed, the network's
// level rises; a node that changes back after that must refuse to start, and its
// operator goes forward again.

// saysOutdated is what a node says that its network has left behind.
const saysOutdated = "the network is at feature level"

// notes of what a node is started as.
const noteOlder = "older"

// changesVersion says whether some event of the run changes the nodes' version.
func (w *World) changesVersion() bool {
	return slices.ContainsFunc(w.script, func(e Event) bool { return e.Kind == operationVersion })
}

// changeVersion restarts the nodes in turn as the other release, as many of them as
// the time allows.
func changeVersion(w *World, e Event) {
	older := !w.machines[e.Node].older
	for i := range w.options.Nodes {
		if at := w.now + int64(i)*int64(e.For+2*time.Second); at < w.until {
			w.at(at, func() {
				m := w.machines[(e.Node+i)%w.options.Nodes]
				m.older = older
				w.restart(m, e.For)
			})
		}
	}
}

// release is what the machine's program is told of the release that it is.
func (m *machine) release() [2]string {
	level := uint64(messages.FeatureLevel)
	if m.older {
		level--
	}
	return [2]string{"SIM_FEATURES", strconv.FormatUint(level, 10)}
}

// outdated is what the operator does about a node that was started as the older
// release and has ended: it is started again as the newer one.
func (w *World) outdated(m *machine) {
	m.older = false
	m.downFor = int64(time.Second)
	w.again(m)
}
