package sim

import (
	"math/rand/v2"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/elasticcode/flow/sim/twin"
)

// What befalls workers, by name.
const (
	faultWorkerCrash = "worker-crash"
	faultWorkerHang  = "worker-hang"
	faultWorkerSlow  = "worker-slow"
	faultWorkerTalk  = "worker-talk"
)

// faultWorkerFor is how long a node's workers go wrong at most.
const faultWorkerFor = 4 * time.Second

// mostVice is the largest share of calls at which they do.
const mostVice = 0.5

// workerFaults are what befalls the workers of a node, at a share of their calls.
// Count says which of several vices it is.
func workerFaults() []kind {
	of := func(name, about string, vices ...twin.Vice) kind {
		draw := func(rng *rand.Rand, _ int, e *Event) {
			e.Count, e.Share, e.For = rng.IntN(len(vices)), rng.Float64()*mostVice, some(rng, faultWorkerFor)
		}
		return kind{name, about, draw, func(w *World, e Event) {
			m := w.machines[e.Node]
			m.vice = twin.PackVice(vices[e.Count%len(vices)], e.Share)
			w.after(e.For, func() { m.vice = 0 })
		}}
	}
	return []kind{
		of(faultWorkerCrash, "workers of a node die before a call, in it, or right after its answer", twin.CrashBefore, twin.CrashDuring, twin.CrashAfter),
		of(faultWorkerHang, "workers of a node do not answer, or only when they are told to end", twin.Hang, twin.Late),
		of(faultWorkerSlow, "workers of a node take many times longer", twin.Slow),
		of(faultWorkerTalk, "workers of a node answer with garbage, a part, something too long, twice, or with what is not JSON",
			twin.Garbage, twin.Truncated, twin.Oversized, twin.Duplicate, twin.NoJSON),
	}
}

// workerFunctions are what a guest's workers ask.
var workerFunctions = []function{{"vice", 0, []api.ValueType{i64}, hostVice}}

func hostVice(m *machine, _ api.Memory, stack []uint64) { stack[0] = m.vice }
