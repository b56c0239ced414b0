package sim

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What befalls disks, by name.
const (
	faultRot      = "rot"
	faultIO       = "io"
	faultBadSync  = "badsync"
	faultSlowSync = "slowsync"
	faultFull     = "full"
)

// How much, and for how long, at most.
const (
	faultDiskFor = 5 * time.Second
	mostSyncTime = 500 * time.Millisecond
	// leastCopies is how many voters each group has at least when a disk rots:
	// with fewer there may be no good copy.
	leastCopies = 3
)

// diskFaults are what befalls disks.
func diskFaults() []kind {
	return []kind{
		{faultRot, "a node dies, and old data of one file is damaged; once in a run, and where there are others with a copy", func(rng *rand.Rand, _ int, e *Event) {
			e.Count, e.Share, e.For = rng.IntN(rotWays), rng.Float64(), some(rng, faultDown)
		}, rot},
		{faultIO, "all operations of a node's disk fail", func(rng *rand.Rand, _ int, e *Event) {
			e.For = some(rng, faultDiskFor)
		}, failDisk},
		{faultBadSync, "a sync fails, and what it should have written never reaches the disk, though later ones succeed", func(rng *rand.Rand, _ int, e *Event) {
			e.Count, e.For = 1, some(rng, faultDown)
		}, failSync},
		{faultSlowSync, "each sync of a node takes time", func(rng *rand.Rand, _ int, e *Event) {
			e.Share, e.For = rng.Float64(), some(rng, faultDiskFor)
		}, slowSync},
		{faultFull, "a node's disk is short of room", func(rng *rand.Rand, _ int, e *Event) {
			e.For = some(rng, faultDiskFor)
		}, fillDisk},
	}
}

// rot damages a disk while its node is down. Share is where: a fraction of all
// that it could be.
func rot(w *World, e Event) {
	m := w.machines[e.Node]
	if m.leaving || !w.takeCopy() {
		return
	}
	if m.running {
		m.downFor = int64(e.For)
		m.kill()
	}
	rng := rand.New(rand.NewPCG(uint64(e.Share*(1<<53)), uint64(e.Count)))
	if file := m.disk.rot(rng, e.Count); file != "" {
		m.damaged = true
		w.record(m.name, m.boots, "rotten "+file)
		m.seen(nil, "rotten %s", file)
	}
}

// copies is how many voters the group has that has the fewest, as the leaders told
// last.
func (w *World) copies() int {
	voters := map[string]int{}
	for _, e := range w.history {
		if f := strings.Fields(e.Line); len(f) == 3 && f[0] == "voters" {
			voters[f[1]], _ = strconv.Atoi(f[2])
		}
	}
	if len(voters) == 0 {
		return 0
	}
	return slices.Min(slices.Collect(maps.Values(voters)))
}

func failDisk(w *World, e Event) {
	m := w.machines[e.Node]
	m.disk.dead = true
	m.sick(w, e.For)
	w.after(e.For, func() {
		m.disk.dead = false
		w.record(m.name, m.boots, "disk works")
	})
}

func failSync(w *World, e Event) {
	m := w.machines[e.Node]
	m.disk.badSyncs = e.Count
	m.sick(w, e.For)
	w.after(e.For, func() { m.disk.badSyncs = 0 })
}

// sick lets the instance that runs end by itself; it is started again when its
// disk may work.
func (m *machine) sick(w *World, d time.Duration) {
	m.hurt, m.downFor = true, int64(d)
	w.record(m.name, m.boots, "disk fails")
}

func slowSync(w *World, e Event) {
	m := w.machines[e.Node]
	m.disk.lag = int64(e.Share * float64(mostSyncTime))
	w.after(e.For, func() { m.disk.lag = 0 })
}

func fillDisk(w *World, e Event) {
	m := w.machines[e.Node]
	m.disk.full = true
	w.after(e.For, func() { m.disk.full = false })
}
