package twin

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
)

// How long a start takes, and a call of a function that says nothing else, drawn
// at random up to these; how many times longer a slow one takes, and how long one
// hangs that nobody ends.
const (
	maxStart  = 50 * time.Millisecond
	maxCall   = 20 * time.Millisecond
	slowTimes = 20
	hangTime  = 10 * time.Second
)

// child is what runs in the place of a worker process.
type child struct {
	flow     *Flow
	note     func(line string)
	vice     func() uint64
	requests io.Reader
	answers  io.Writer
	killed   chan struct{} // it is gone
	once     sync.Once
	told     chan struct{} // it is to end
}

func (c *child) terminate() { c.once.Do(func() { close(c.told) }) }

// run answers calls until it ends.
func (c *child) run() {
	if !c.pass(rand.N(maxStart)) || !c.send(readyFrame()) {
		return
	}
	for {
		q, err := readRequest(c.requests)
		if err != nil || isClosed(c.told) || isClosed(c.killed) {
			return
		}
		if !c.serve(q, drawVice(c.vice())) {
			return
		}
	}
}

// serve runs one call, in a sound way or in another. false: the child has ended.
func (c *child) serve(q request, v Vice) bool {
	if v == CrashBefore {
		return false
	}
	began := time.Now()
	c.note(fmt.Sprintf("began %s %d", q.call, q.attempt))
	if !c.send(begunFrame(q.seq)) {
		return c.leave(q)
	}
	function, known := c.flow.function(q.function)
	if !c.work(max(maxCall, time.Duration(function.Time)), v) {
		return c.leave(q)
	}
	outcome, result, failure := function.run(known, q)
	if v == NoJSON && outcome == messages.Outcome_OK {
		result = []byte("{no JSON")
	}
	answer := doneFrame(q.seq, outcome, result, failure, began.UnixMicro(), time.Now().UnixMicro())
	c.note(fmt.Sprintf("done %s %d %s", q.call, q.attempt, outcome))
	return c.answer(answer, v)
}

// leave ends the child in the middle of a call.
func (c *child) leave(q request) bool {
	c.note(fmt.Sprintf("left %s %d", q.call, q.attempt))
	return false
}

// work lets the time of a call go by.
func (c *child) work(limit time.Duration, v Vice) bool {
	d := rand.N(limit)
	switch v {
	case CrashDuring:
		c.pass(d)
		return false
	case Hang:
		c.pass(hangTime)
		return false
	case Late:
		select {
		case <-c.told:
			return true
		case <-c.killed:
		case <-time.After(hangTime):
		}
		return false
	case Slow:
		d *= slowTimes
	}
	return c.pass(d)
}

// answer sends what a call gave, or something in its place.
func (c *child) answer(answer []byte, v Vice) bool {
	switch v {
	case Garbage:
		for i := range answer {
			answer[i] = byte(rand.Uint32())
		}
	case Truncated:
		c.send(answer[:rand.IntN(len(answer))])
		return false
	case Oversized:
		answer[0] = 0xff
	case Duplicate:
		c.send(answer)
	}
	return c.send(answer) && v != CrashAfter
}

func (c *child) send(frame []byte) bool {
	if isClosed(c.killed) {
		return false
	}
	_, err := c.answers.Write(frame)
	return err == nil
}

// pass lets time go by. false: the child was ended meanwhile.
func (c *child) pass(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-c.told:
	case <-c.killed:
	}
	return false
}

// run gives what a function answers to a call.
func (x Function) run(known bool, q request) (messages.Outcome, []byte, *messages.Failure) {
	if !known {
		return messages.Outcome_EXCEPTION, nil, &messages.Failure{Type: "AttributeError", Message: "the module has no function " + q.function}
	}
	arguments, err := x.bind(q.arguments)
	if err != nil {
		return messages.Outcome_EXCEPTION, nil, &messages.Failure{Type: "TypeError", Message: err.Error()}
	}
	if rand.Float64() < x.Fails {
		return messages.Outcome_EXCEPTION, nil, &messages.Failure{Type: "RuntimeError", Message: "it fails sometimes"}
	}
	result, err := json.Marshal(x.Name + "(" + strings.Join(arguments, ",") + ")")
	if err != nil {
		panic(err) // a text always has a JSON form
	}
	return messages.Outcome_OK, result, nil
}
