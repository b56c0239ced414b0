package twin

import (
	"errors"
	"fmt"
	"testing"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/worker"
)

// spoken is what the node's side of the protocol made of a worker's frames.
func spoken(t *testing.T, v Vice) (events []string, err error) {
	t.Helper()
	requests, answers := newBuffer(), newBuffer()
	pipe := worker.NewPipe(requests)
	call, _ := messages.ParseCallID("7f402a2b-8ac9-8002-85c2-38c077620000")
	if err := pipe.Send(worker.Work{Call: call, Attempt: 3, Function: "join", Socket: "far.join", Arguments: &messages.Arguments{
		Positional: [][]byte{[]byte(`"a"`)}, Named: []*messages.NamedValue{{Name: "two", Value: []byte("2")}}}}); err != nil {
		t.Fatal(err)
	}
	c := &child{flow: &Flow{Functions: []Function{{Name: "join", Takes: []string{"one", "two"}}}}, note: func(string) {},
		vice: func() uint64 { return PackVice(v, 1) }, requests: requests, answers: answers, killed: make(chan struct{}), told: make(chan struct{})}
	requests.close() // after the one call there is no more
	c.run()
	answers.close()
	err = pipe.Run(answers, func(some ...worker.Event) {
		for _, e := range some {
			events = append(events, inWords(e))
		}
	})
	return events, err
}

func inWords(e worker.Event) string {
	if d, ok := e.(*worker.Done); ok {
		return fmt.Sprintf("done %s %d %s %s", d.Call, d.Attempt, d.Outcome, d.Result)
	}
	return fmt.Sprintf("%T", e)
}

// TestTheSimulatedWorkerSpeaksTheProtocol wants a sound worker to be understood,
// and one that is not to be found out.
func TestTheSimulatedWorkerSpeaksTheProtocol(t *testing.T) {
	const answer = `done 7f402a2b-8ac9-8002-85c2-38c077620000 3 OK "join(a,2)"`
	for _, c := range []struct {
		vice    Vice
		events  int
		garbage bool
	}{
		{Sound, 3, false}, {Slow, 3, false}, {CrashAfter, 3, false}, {CrashBefore, 1, false}, {CrashDuring, 2, false},
		{Truncated, 2, true}, {Oversized, 2, true}, {Garbage, 2, true}, {NoJSON, 2, true}, {Duplicate, 3, true},
	} {
		events, err := spoken(t, c.vice)
		cut := c.vice == Truncated && err == nil // nothing of the answer was sent
		if len(events) != c.events || (err != nil) != c.garbage && !cut || errors.Is(err, errShort) {
			t.Errorf("vice %d: %q and %v", c.vice, events, err)
		}
		if len(events) == 3 && events[2] != answer {
			t.Errorf("vice %d: the answer is %q", c.vice, events[2])
		}
	}
}
