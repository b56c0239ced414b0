package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// What may be garbage on the heap before it is collected: twice what is in use, up
// to garbageBytes and stacksPercent of the stacks. Collecting is a tenth of a busy node's
// work, and less of it the more garbage may gather. But of a node that has much in use
// most are buffers, which cost a collection nothing: without cgo Pebble's memtables and
// blocks are on this heap, up to 72 MiB, and three times that would be a waste. The
// stacks of requests that wait are what costs a collection most, frame by frame: a
// thousand have 25 MiB.
const (
	garbagePercent = 200
	garbageBytes   = 40 << 20
	stacksPercent  = 350
	mostGarbage    = 128 << 20
	leastPercent   = 25 // when very much is in use: large values, say
)

// collectLess sets how much garbage may gather, now and after each collection,
// unless GOGC says it.
func collectLess() {
	if os.Getenv("GOGC") != "" {
		return
	}
	c := &collector{percent: garbagePercent, set: func(percent int) { debug.SetGCPercent(percent) }}
	c.set(garbagePercent)
	afterCollections(func() { c.heed(percentFor(inUse())) })
}

// sentinel is collected by each collection, which tells it.
type sentinel struct{ collected func() }

// afterCollections has something done after each collection from now on. It must
// not take long.
func afterCollections(do func()) {
	runtime.SetFinalizer(&sentinel{do}, func(s *sentinel) {
		s.collected()
		afterCollections(s.collected)
	})
}

// collector sets the percentage of garbage by what is in use.
type collector struct {
	percent int
	set     func(percent int)
}

// heed sets the percentage anew if it has changed by more than a little: setting
// it stops the world for a moment.
func (c *collector) heed(percent int) {
	if diff := percent - c.percent; diff > c.percent/16 || -diff > c.percent/16 {
		c.percent = percent
		c.set(percent)
	}
}

// percentFor gives how much of what is in use, heap and stacks, may be there as garbage
// too: Go takes its percentage of both (runtime/mgcpacer.go).
func percentFor(used, stacks uint64) int {
	garbage := min(mostGarbage, garbageBytes+stacks*stacksPercent/100)
	return min(garbagePercent, max(leastPercent, int(garbage*100/max(1, used+stacks))))
}

// inUse gives the bytes of the heap that the last collection found in use, and those of
// the stacks.
func inUse() (used, stacks uint64) {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64(), s[1].Value.Uint64()
}
