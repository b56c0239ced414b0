package actors

import (
	"context"
	"time"

	"github.com/elasticcode/flow/messages"
)

// Workers starts worker processes. It is a boundary that a simulated world
// replaces.
type Workers interface {
	// Start starts a worker for an environment. events is called from one
	// goroutine of the worker with what has happened since, in order; it does
	// not block, and keeps what it is given. The context ends
	// when the worker is not wanted any more; Kill is called as well.
	Start(ctx context.Context, env messages.Environment, events func(...Event)) (Worker, error)
}

// Worker is one process that runs a processor's code. No method blocks: Send
// queues, and the end of the process is told by the event Exited.
type Worker interface {
	Send(...Work) error            // to be run in this order
	Terminate(grace time.Duration) // SIGTERM, and SIGKILL to all its processes after grace
	Kill()
	PID() int
	Dir() string
	// Printed gives what the running attempt has printed so far.
	Printed(*messages.PrintedQuery) *messages.PrintedAnswer
}

// Work is one attempt for a worker to run.
type Work struct {
	Call      messages.CallID
	Attempt   uint32
	Function  string
	Arguments *messages.Arguments
	Socket    string // name
	Tracking  messages.CallID
}

// Event is what a worker tells: Ready, Begun, Done or Exited.
type Event interface{ event() }

// Ready says that the module is loaded.
type Ready struct{}

// Begun says that the worker runs an attempt now.
type Begun struct {
	Call    messages.CallID
	Attempt uint32
}

// Done says how an attempt ended.
type Done struct {
	Call           messages.CallID
	Attempt        uint32
	Outcome        messages.Outcome // OK, EXCEPTION or BAD_RESULT
	Result         []byte           // JSON text, with OK
	Failure        *messages.Failure
	Log            []byte                 // what it printed, bounded
	Routed         []*messages.NamedValue // what the function sent to plugs by name, sorted; none: it did not
	Output         []byte                 // JSON object that it put into its argument output; nil: none
	Started, Ended int64                  // microseconds
}

// Exited says that all processes of the worker are gone. It is the last event.
type Exited struct {
	Reason string // "exit status 3", "signal: killed"
	Tail   string // the last lines it printed
	Log    []byte // what the attempt that was begun and is not Done has printed, the latest of it
}

func (Ready) event()  {}
func (Begun) event()  {}
func (*Done) event()  {}
func (Exited) event() {}
