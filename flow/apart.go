package flow

import (
	"fmt"
	"slices"

	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/socket"
)

// A gate that joins only what is of one run may be full of messages of different
// runs: then what would complete one of them has no room. Nobody can mend that
// but time, or whoever looks; so it is told.

// apart says whether all inputs of a correlated gate are full. Whatever was of one
// run has been joined, so that none of what waits there belongs together.
func apart(k *socket.Socket) bool {
	inputs := waitsFor(k)
	return len(inputs) > 1 && k.Config.Correlate == correlateTracking &&
		!slices.ContainsFunc(inputs, func(in gate.Input) bool { return !stuffedInput(k, in) })
}

// stuffedInput says that an input holds its sources back, or takes nothing more.
func stuffedInput(k *socket.Socket, in gate.Input) bool {
	return k.Gate.Of(in.Key) >= gate.Limit(k.Config) || slices.Contains(k.Stuffed, in.Key)
}

// crowdedOut says why what a run lacks at a correlated gate has no room there; "":
// it has.
func crowdedOut(k *socket.Socket, missing []gate.Input) string {
	if k.Config.Correlate != correlateTracking {
		return ""
	}
	at := slices.IndexFunc(missing, func(in gate.Input) bool { return stuffedInput(k, in) })
	if at < 0 {
		return ""
	}
	in := missing[at]
	text := fmt.Sprintf("; what has arrived for %s is of other runs, and full (%d wait, %d are the most): ", in.Shown(), k.Gate.Of(in.Key), gate.Limit(k.Config))
	if gate.DeadLetters(k.Config) {
		text += "what comes for it is a dead letter"
	} else {
		text += "what feeds it is held back"
	}
	switch {
	case !apart(k):
		return text + " until some of them are joined"
	case k.Config.GateTimeout > 0:
		return text + fmt.Sprintf("; so is all else, and nothing is joined until some reach their time-out of %s", left(micros(k.Config.GateTimeout)))
	}
	return text + "; so is all else, and nothing is joined until some are cancelled, or the max_length of the socket's queue is raised: the gate has no time-out"
}

// stuckness says of a whole gate that it is full of messages which do not belong
// together; "": it is not.
func stuckness(k *socket.Socket) string {
	switch {
	case !apart(k):
		return ""
	case k.Config.GateTimeout > 0:
		return fmt.Sprintf("what waits is of different runs: nothing is joined until some reach their time-out of %s", left(micros(k.Config.GateTimeout)))
	}
	return "what waits is of different runs, and the gate has no time-out: cancel some, or raise max_length of its queue"
}
