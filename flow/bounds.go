package flow

import (
	"time"

	"github.com/elasticcode/flow/messages"
)

// Bounds of one command's work, so that none of them stalls the partition. What
// is left over is done by the next Tick, for which a timer is set at once.
const (
	maxWork   = 256  // timers fired by one Tick, or calls ended by one step of a removal
	maxLeases = 1024 // calls leased by one command
)

// Bounds of names that become parts of keys.
const maxID = 255

// Remembered is how long after its making a key is sure to be known. A key made
// earlier that is not known may have been forgotten, and is refused.
const Remembered = 24 * time.Hour

// maxDelay bounds delays that are configured.
const maxDelay = 10 * 365 * 24 * time.Hour

// What a refused sender is told to wait before it tries again.
const (
	fullRetry    = 200 * time.Millisecond // a mailbox is full
	unknownRetry = 200 * time.Millisecond // the configuration is on its way
)

// Bounds of large values that nothing names.
const (
	unnamedFor = messages.ValueKept
	maxUnnamed = 1 << 30 // bytes of a partition
	valueRetry = time.Second
)

// micros turns a configured number of milliseconds into microseconds.
func micros(milliseconds int64) int64 {
	return min(max(milliseconds, 0), maxDelay.Milliseconds()) * 1000
}
