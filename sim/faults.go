package sim

import "math/rand/v2"

// faults breaks things, by a stream of chance of its own, until it is told to
// stop; then it puts all right again.
type faults struct {
	world *World
	rng   *rand.Rand
	until int64
	count map[string]int
}

// Faults that there are, by name.
const (
	faultKill      = "kill"
	faultPartition = "partition"
	faultLoss      = "loss"
)

// AllFaults are the faults that a run can have.
var AllFaults = []string{faultKill, faultPartition, faultLoss}

// How often, and for how long.
const (
	faultEvery   = 3e9 // ns, at most
	faultDown    = 4e9
	faultCut     = 8e9
	faultLossFor = 5e9
	mostLoss     = 0.3
	mostCalls    = 400 // host calls until a death that was decided on
)

// begin starts with the faults that are wanted.
func (f *faults) begin(wanted []string) {
	if len(wanted) > 0 {
		f.world.at(f.world.now+f.some(faultEvery), func() { f.next(wanted) })
	}
}

// some is a random time up to a limit.
func (f *faults) some(limit int64) int64 { return 1 + f.rng.Int64N(limit) }

func (f *faults) next(wanted []string) {
	if f.world.now >= f.until {
		return
	}
	fault := wanted[f.rng.IntN(len(wanted))]
	f.count[fault]++
	switch fault {
	case faultKill:
		f.kill(f.rng.IntN(f.world.options.Nodes))
	case faultPartition:
		f.partition()
	case faultLoss:
		f.lose()
	}
	f.world.at(f.world.now+f.some(faultEvery), func() { f.next(wanted) })
}

// kill ends a node at one of its next calls of the host.
func (f *faults) kill(index int) {
	m := f.world.machines[index]
	calls, down := 1+f.rng.IntN(mostCalls), f.some(faultDown)
	if m.running && m.dieIn == 0 {
		f.world.trace.add(f.world.now, nil, "fault: %s dies in %d calls", m.name, calls)
		m.dieIn = calls
		m.downFor = down
	}
}

// partition cuts a node off, in one direction or in both.
func (f *faults) partition() {
	n := f.world.net
	alone, way := f.rng.IntN(f.world.options.Nodes), f.rng.IntN(3)
	f.world.trace.add(f.world.now, nil, "fault: cut %d way %d", alone, way)
	var cut []link
	for i := range f.world.options.Nodes {
		if i != alone && way != 1 {
			cut = append(cut, link{alone, i})
		}
		if i != alone && way != 2 {
			cut = append(cut, link{i, alone})
		}
	}
	for _, l := range cut {
		n.cut[l] = true
	}
	f.world.at(min(f.world.now+f.some(faultCut), f.until), func() {
		f.world.trace.add(f.world.now, nil, "fault: heal %d", alone)
		for _, l := range cut {
			delete(n.cut, l)
		}
	})
}

// lose makes the network lose a share of what it carries for a while.
func (f *faults) lose() {
	f.world.net.loss = f.rng.Float64() * mostLoss
	f.world.trace.add(f.world.now, nil, "fault: loss %.3f", f.world.net.loss)
	f.world.at(min(f.world.now+f.some(faultLossFor), f.until), func() { f.world.net.loss = 0 })
}
