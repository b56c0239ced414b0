package main

import (
	"encoding/json"

	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// callDocument is a call for programs. Its result stands in it as the JSON
// that the function gave, digit by digit.
func callDocument(c *messages.CallInfo) document.Object {
	d := document.Object{
		{Name: "id", Value: c.Id},
		{Name: "name", Value: c.Name},
		{Name: "socket", Value: c.Socket},
		{Name: "state", Value: stateOf(c)},
		{Name: "owner", Value: orNull(c.Owner)},
		{Name: "received", Value: orNull(clock(c.Received))},
		{Name: "started", Value: orNull(clock(c.Started))},
		{Name: "finished", Value: orNull(clock(c.Finished))},
		{Name: "lastupdated", Value: orNull(clock(c.Lastupdated))},
		{Name: "tracking", Value: orNull(c.Tracking)},
		{Name: "parent", Value: orNull(c.Parent)},
		{Name: "taskparent", Value: orNull(c.Taskparent)},
		{Name: "flowparent", Value: orNull(c.Flowparent)},
		{Name: "attempts", Value: c.Attempts},
		{Name: "result", Value: resultDocument(c)},
		{Name: "error", Value: failureDocument(c.Error)},
		{Name: "waiting", Value: orNull(c.Waiting)},
		{Name: "node", Value: orNull(c.Node)},
		{Name: "commit", Value: orNull(c.Commit)},
		{Name: "priority", Value: c.Priority},
		{Name: "tries", Value: c.Tries},
		{Name: "crashes", Value: c.Crashes},
		{Name: "lost", Value: c.Lost},
	}
	if c.ResultSize > 0 { // too large for a list: `task result` gives it
		d = append(d, document.Member{Name: "result_size", Value: c.ResultSize})
	}
	if c.Output != nil {
		d = append(d, document.Member{Name: "output", Value: json.RawMessage(c.GetOutput())})
	}
	if c.RoutingKey != "" {
		d = append(d, document.Member{Name: "routing_key", Value: c.RoutingKey})
	}
	if c.Plug != "" {
		d = append(d, document.Member{Name: "plug", Value: c.Plug})
	}
	if len(c.Parents) > 0 {
		d = append(d, document.Member{Name: "parents", Value: c.Parents})
	}
	if c.Joined != "" {
		d = append(d, document.Member{Name: "joined", Value: c.Joined})
	}
	if c.Tick != 0 {
		d = append(d, document.Member{Name: "tick", Value: clock(c.Tick)}, document.Member{Name: "catch_up", Value: c.CatchUp})
	}
	if c.Arguments != nil {
		d = append(d, document.Member{Name: "arguments", Value: argumentsDocument(c.Arguments)})
	}
	if c.Log != "" {
		d = append(d, document.Member{Name: "log", Value: c.Log})
	}
	if len(c.Events) > 0 {
		d = append(d, document.Member{Name: "events", Value: eventsDocument(c.Events)})
	}
	return d
}

// resultDocument is the result as JSON, or null while there is none.
func resultDocument(c *messages.CallInfo) any {
	if c.Result == nil {
		return nil
	}
	return json.RawMessage(c.GetResult())
}

func failureDocument(f *messages.Failure) any {
	if f == nil {
		return nil
	}
	return document.Object{
		{Name: "type", Value: f.Type},
		{Name: "message", Value: f.Message},
		{Name: "traceback", Value: orNull(f.Traceback)},
	}
}

func argumentsDocument(a *messages.Arguments) document.Object {
	positional := []json.RawMessage{}
	for _, value := range a.Positional {
		positional = append(positional, value)
	}
	named := document.Object{}
	for _, value := range a.Named {
		named = append(named, document.Member{Name: value.Name, Value: json.RawMessage(value.Value)})
	}
	return document.Object{{Name: "positional", Value: positional}, {Name: "named", Value: named}}
}

func eventsDocument(events []*messages.Event) []document.Object {
	list := []document.Object{}
	for _, e := range events {
		list = append(list, document.Object{
			{Name: "name", Value: e.Name},
			{Name: "time", Value: orNull(clock(e.Time))},
			{Name: "note", Value: orNull(e.Note)},
			{Name: "attempt", Value: e.Attempt},
			{Name: "node", Value: orNull(e.Node)},
		})
	}
	return list
}

// stateOf is a call's state in the words that people read.
func stateOf(c *messages.CallInfo) string { return lower(c.State) }

// hasEnded says that a call's state is final.
func hasEnded(c *messages.CallInfo) bool {
	switch stateOf(c) {
	case "finished", "failed", "cancelled", "expired":
		return true
	}
	return false
}
