package worker

import "github.com/elasticcode/flow/messages"

// Work is one attempt of a call for a worker to run. Works are run in the
// order in which they were sent.
type Work struct {
	Call      messages.CallID
	Attempt   uint32
	Function  string
	Arguments *messages.Arguments
	Socket    string // its name, which the code can read as FLOW_SOCKET
	Tracking  messages.CallID
}

// Event is what a worker tells: Ready, Begun, Done or Exited. All events of a
// worker come from one goroutine, in order. Ready comes at most once and
// before any Begun or Done; Exited comes exactly once, as the last.
type Event interface{ event() }

// Ready says that the module is imported: calls run from now on.
type Ready struct{}

// Begun says that the function is being called. Blame for a crash and the
// time limit are the begun attempt's alone.
type Begun struct {
	Call    messages.CallID
	Attempt uint32
}

// Done says how an attempt ended. Outcome is OK, EXCEPTION or BAD_RESULT; the
// others (a crash, a time-out) are for the owner to conclude from Exited.
type Done struct {
	Call    messages.CallID
	Attempt uint32
	Outcome messages.Outcome
	Result  []byte                 // JSON text, with OK
	Failure *messages.Failure      // with any other outcome
	Log     []byte                 // what the function printed, at most messages.MaxLog bytes
	Routed  []*messages.NamedValue // what the function put into its argument plugs, sorted; none: nothing
	Output  []byte                 // JSON object that the function put into its argument output; nil: none
	Started int64                  // microseconds since 1970, UTC, by the worker's clock
	Ended   int64
}

// Exited says that the worker is gone: no process of it is left, nor any that
// its code had started. Attempts that were sent and not Done will never be.
type Exited struct {
	Reason string // "exited with status 3", "killed by signal 9", "was stopped", …
	Tail   string // the last that was printed outside of finished calls, e.g. why the module could not be imported
	Log    []byte // what the attempt that was begun and is not Done has printed, the latest of it
	Loaded bool   // the module had been imported: Ready was sent
}

func (Ready) event()  {}
func (Begun) event()  {}
func (*Done) event()  {}
func (Exited) event() {}
