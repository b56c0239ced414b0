// Package plant names mistakes that can be planted in the program, to see that
// the simulator and the oracles find them. Without the build tag `plant` there
// are none: On is a constant, and the compiler leaves out what stands behind it.
// With the tag the environment variable PLANT names the one that is there.
//
// sim/mutations says how each is looked for.
package plant

// Bug is a mistake.
type Bug string

// Mistakes in how logs and states are kept.
const (
	AckBeforeFsync   Bug = "ack-before-fsync"   // a log says that it is on disk when it is not
	ForgetVote       Bug = "forget-vote"        // a vote is not kept
	ApplyTwice       Bug = "apply-twice"        // after a restart entries are applied that the state holds
	SnapshotNoDedup  Bug = "snapshot-no-dedup"  // a snapshot that is installed lacks the ids of calls
	SnapshotNoTimers Bug = "snapshot-no-timers" // and one that lacks the timers
	SharedAnswer     Bug = "shared-answer"      // all commands of an entry get the answer of its first
	StaleRead        Bug = "stale-read"         // a read does not ask how far its replica must be
	RepeatedMessage  Bug = "repeated-message"   // a group takes a message of another one each time that it comes
	OutboxLeftBehind Bug = "outbox-left-behind" // a new leader does not carry on with the outbox
	PromotedEarly    Bug = "promoted-early"     // a replica gets a vote before it has caught up
)

// Mistakes in who runs what.
const (
	StartsNotSent  Bug = "starts-not-sent" // a new leader does not send the leases that are pending
	TimersNotSet   Bug = "timers-not-set"  // a new leader does not look for timers
	OldSession     Bug = "old-session"     // a session that has ended may take calls again
	LateResult     Bug = "late-result"     // the result of an attempt counts that is over
	ReusedAttempt  Bug = "reused-attempt"  // a second attempt has the number of the first
	CreditTwice    Bug = "credit-twice"    // a slot is given one call more than it takes
	SlotLeaked     Bug = "slot-leaked"     // the credits of a slot whose worker died stay used up
	RequeueDropped Bug = "requeue-dropped" // the end of a session does not queue its calls again
	CancelUnfenced Bug = "cancel-unfenced" // a cancelled call's attempt goes on counting
	OrderedTwo     Bug = "ordered-two"     // an ordered socket runs two calls at a time
	TooManySlots   Bug = "too-many-slots"  // a node is given more slots than it has CPUs
	OldReport      Bug = "old-report"      // what an earlier boot of a node said counts
	ExpiredStarts  Bug = "expired-starts"  // a call whose time is over is started all the same
	RateForgotten  Bug = "rate-forgotten"  // how far a rate limit is used up is forgotten
	TickTwice      Bug = "tick-twice"      // a tick of a schedule counts twice
)

// Mistakes in what calls lead to.
const (
	PlugsTwice     Bug = "plugs-twice"      // plugs of a call fire twice that ran twice
	ErrorOnSuccess Bug = "error-on-success" // ERROR plugs fire for results
	LIFOGate       Bug = "lifo-gate"        // a gate joins the latest arrivals
	DefaultJoined  Bug = "default-joined"   // a gate leaves out the value of an argument that has a default
	OneTaker       Bug = "one-taker"        // a publish goes to the first of its sockets
	MapOrder       Bug = "map-order"        // the copies of a publish are made in the order of a map
	CutResult      Bug = "cut-result"       // a result is kept in part
	DeadLetterLost Bug = "dead-letter-lost" // a call that failed is no dead letter
	LetterStays    Bug = "letter-stays"     // a dead letter stays one when it is sent again
	BatchCut       Bug = "batch-cut"        // of a batch for which there is no room now, the first half is taken
	AbortedDropped Bug = "aborted-dropped"  // a call is dropped that a slot still holds
	NamedDropped   Bug = "named-dropped"    // a large value is dropped that a call names
)
