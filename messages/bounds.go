package messages

import "time"

// Bounds that several packages share. Reaching one is a typed error.
const (
	MaxName       = 80        // bytes of an object's name
	MaxInline     = 256 << 10 // bytes of a call's arguments, or of a result, that travel within the commands; what is larger goes by reference
	MaxValue      = 64 << 20  // bytes of a call's arguments, or of what it gives back
	MaxLog        = 64 << 10  // bytes kept of what one attempt prints
	MaxTraceback  = 16 << 10  // bytes kept of a traceback
	MaxSome       = 1 << 20   // bytes of the results that one answer gives of a batch; at least one result
	MaxEvents     = 64        // events kept of one call: the first and the latest
	MaxKey        = 256       // bytes of a client's key
	MaxCrashes    = 3         // worker deaths until a call is quarantined
	MaxLost       = 20        // lost sessions until a call is quarantined
	MaxWindow     = 240       // calls that one slot may hold; below 254, which flow/processor needs
	MaxCompletes  = 256       // attempts that one command ends
	MaxDead       = 256       // dead letters of one page, and of one command
	MaxPageRows   = 1000      // rows of one page of a list
	MaxHops       = 1000      // plugs that one run may go through, one after the other
	MaxGate       = 10_000    // arrivals that one argument of a gate holds, unless its queue says less
	MaxPlugs      = 64        // plugs that lead from one socket, or to one
	MaxPartitions = 64        // groups of a network, the meta group aside

	MaxBindings   = 1000             // sockets of one queue
	MaxRoutingKey = 255              // bytes of a routing key, or of a pattern
	MaxFanOut     = 16 << 20         // bytes of a publish's arguments, taken as often as it has calls
	MaxRetries    = 10_000           // tries of a call after the first
	MaxNoRetry    = 32               // types of errors that are not tried again, of a processor or a socket
	MaxRate       = 1_000_000        // calls per second, minute or hour of a rate limit
	ValueKept     = 10 * time.Minute // how long a large value is kept that nothing names
)

// MaxRetryDelay bounds the delay before a retry, jitter aside.
const MaxRetryDelay = time.Hour
