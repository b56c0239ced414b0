package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/twin"
)

// lookAgain is how long a client waits for what has not ended.
const lookAgain = 500 * time.Millisecond

// lastLook is how long before the end of the run they look for the last time.
const lastLook = 5 * time.Second

// mostCaused is how many calls one call may lead to.
const mostCaused = 100

// follow tells all calls that a call led to, once they have ended; at the end
// of the run it tells them as they are.
func (l load) follow(ctx context.Context, c *client.Client, id string) {
	for {
		r, err := c.ListCalls(ctx, &messages.ListCallsRequest{Tracking: id, Rows: mostCaused, Results: true, Ascend: true})
		late := time.Until(l.end) < lastLook
		if err == nil && (late || l.whole(r.GetCalls())) {
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

// whole says whether all that a call led to is there, and has ended: what is on
// its way to another partition is no call yet.
func (l load) whole(calls []*messages.CallInfo) bool {
	fired := func(p twin.Plug, c *messages.CallInfo) bool {
		return c.GetSocket() == p.From && (p.Type == "RESULT" && c.GetState() == "finished" || p.Type == "ERROR" && c.GetState() == "failed")
	}
	for _, c := range calls {
		switch c.GetState() {
		case "received", "queued", "running":
			return false
		}
	}
	for _, p := range l.flow.Plugs {
		for _, c := range calls {
			if fired(p, c) && (p.Argument == "" || l.complete(p.To, calls, fired)) && !slices.ContainsFunc(calls, func(child *messages.CallInfo) bool {
				return child.GetSocket() == p.To && (child.GetParent() == c.GetId() || slices.Contains(child.GetParents(), c.GetId()))
			}) {
				return false
			}
		}
	}
	return true
}

// complete says whether every plug of a gate that joins what is of the same run
// has fired.
func (l load) complete(gate string, calls []*messages.CallInfo, fired func(twin.Plug, *messages.CallInfo) bool) bool {
	for _, p := range l.flow.Plugs {
		if p.To == gate && !slices.ContainsFunc(calls, func(c *messages.CallInfo) bool { return fired(p, c) }) {
			return false
		}
	}
	return l.flow.Correlates(gate) != ""
}

// dash stands for a text that is empty.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
