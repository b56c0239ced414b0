package actors

import (
	"time"

	"github.com/elasticcode/flow/buggify"
	"github.com/elasticcode/flow/messages"
)

const (
	prefetch  = 5 * time.Millisecond   // work that a slot may hold ahead
	ahead     = 16 << 20               // bytes of arguments that a slot may hold
	tooLong   = 20 * time.Millisecond  // a call that runs longer has nothing waiting behind it
	regrant   = 100 * time.Millisecond // between two changes of a window that are not urgent
	pipelined = time.Millisecond       // work that may be with the worker behind the running call
	maxBehind = 63                     // calls of it: enough that a short one is always there to run
	// penalty is how many calls a worker gets one by one after a call behind a
	// slow one had to be taken from it: that costs the worker its life.
	penalty = 1024
)

// window measures how long calls take and how large they are, and says how many a
// slot should hold.
type window struct {
	average time.Duration // 0: nothing measured yet
	bytes   int           // of a call's arguments, on average
	single  int           // calls that still go to the worker one by one
}

// weigh takes the bytes of one call's arguments into account.
func (w *window) weigh(bytes int) { w.bytes += (bytes - w.bytes) / 8 }

// room is how many calls' arguments fit.
func (w *window) room() uint32 {
	return uint32(min(max(ahead/max(w.bytes, 1), 1), messages.MaxWindow))
}

// measure takes one call's duration into account.
func (w *window) measure(d time.Duration) {
	d = max(d, time.Microsecond)
	if w.average == 0 {
		w.average = d
	} else {
		w.average += (d - w.average) / 8
	}
	if w.single > 0 {
		w.single--
	}
}

// size is how many calls make up the work and the bytes that may be held ahead.
func (w *window) size() uint32 {
	if buggify.On(buggify.WideWindow) {
		return messages.MaxWindow
	}
	if w.average == 0 {
		return 1
	}
	return min(uint32(max(prefetch/w.average, 1)), w.room())
}

// depth is how many calls may be with the worker, the running one included.
// They cannot be taken back from there, so only short ones are given together:
// for those it is the way to the worker and back that costs most.
func (w *window) depth() int {
	if w.single > 0 || w.size() == 1 {
		return 1
	}
	return 1 + int(min(max(pipelined/w.average, 1), maxBehind))
}

// punish makes the next calls go one by one.
func (w *window) punish() { w.single = penalty }

// notable says whether a window differs enough from the one granted to be
// worth a command.
func notable(granted, wanted uint32) bool {
	if granted == wanted {
		return false
	}
	return granted == 0 || wanted == 0 || wanted >= 2*granted || granted >= 2*wanted
}
