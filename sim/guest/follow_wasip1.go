package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/twin"
)

// lookAgain is how long a client waits for what has not ended.
const lookAgain = 500 * time.Millisecond

// mostCaused is how many calls one call may lead to.
const mostCaused = 100

// follow tells all calls that a call led to, once they have ended; at the end
// of the run it tells them as they are.
func (l load) follow(ctx context.Context, c *client.Client, id string) {
	for {
		r, err := c.ListCalls(ctx, &messages.ListCallsRequest{Tracking: id, Rows: mostCaused, Results: true, Ascend: true})
		late := time.Until(l.end) < 2*lookAgain
		if err == nil && (late || allEnded(r.GetCalls())) {
			for _, call := range r.GetCalls() {
				parents := call.GetParents()
				if len(parents) == 0 {
					parents = []string{call.GetParent()}
				}
				twin.Note(fmt.Sprintf("caused %s %s %s %s %s %s %s", id, call.GetId(), call.GetSocket(), call.GetState(),
					dash(call.GetPlug()), dash(strings.Join(parents, ",")), dash(call.GetResult())))
			}
			twin.Note("followed " + id)
			return
		}
		if late {
			return
		}
		time.Sleep(lookAgain)
	}
}

func allEnded(calls []*messages.CallInfo) bool {
	for _, c := range calls {
		switch c.GetState() {
		case "received", "queued", "running":
			return false
		}
	}
	return true
}

// dash stands for a text that is empty.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
