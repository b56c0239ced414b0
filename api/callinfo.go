package api

import (
	"bytes"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// callInfo is a call as people see it.
func callInfo(c *messages.Call) *messages.CallInfo {
	info := &messages.CallInfo{
		Id: idText(c.Id), Name: c.Name, Socket: c.Name, State: stateWord(c.State), Owner: c.Owner,
		Received: c.Received, Started: c.Started, Finished: c.Finished, Lastupdated: c.Lastupdated,
		Parent: idText(c.Parent), Taskparent: idText(c.Taskparent), Flowparent: idText(c.Flowparent),
		Attempts: c.Attempt, Tries: c.Tries, Crashes: c.Crashes, Lost: c.Lost,
		Error: c.Error, Events: c.Events, Arguments: c.Arguments, Log: strings.ToValidUTF8(string(c.Log), "\uFFFD"),
		Commit: c.Commit, Node: c.Node, Priority: c.Priority,
	}
	if !terminal(c.State) {
		info.Waiting = c.Waiting
	}
	info.Tick, info.CatchUp = c.Tick, c.CatchUp
	if bytes.Equal(c.Tracking, c.Id) { // as of most
		info.Tracking = info.Id
	} else {
		info.Tracking = idText(c.Tracking)
	}
	info.Plug, info.Joined = c.Plug, idText(c.Joined)
	info.RoutingKey = c.RoutingKey
	for _, parent := range c.Parents {
		info.Parents = append(info.Parents, idText(parent))
	}
	if _, large := messages.ReadReference(c.Output); len(c.Output) > 0 && !large {
		output := string(c.Output)
		info.Output = &output
	}
	if r, large := messages.ReadReference(c.Result); large {
		info.ResultSize = r.Size
	} else if len(c.Result) > 0 {
		result := string(c.Result)
		info.Result = &result
	}
	return info
}

// endedInfo is the end of a call that was sent just now, as people see it.
func endedInfo(answer *messages.CallResponse) *messages.CallInfo {
	info := callInfo(answer.Call)
	info.Position = &messages.Position{Group: uint32(messages.CallIDFrom(answer.Call.Id).Partition()), Index: answer.Index}
	info.Duplicate = answer.Duplicate
	return info
}

// stateWord is the product's word for a state: "finished".
func stateWord(s messages.CallState) string {
	switch s {
	case messages.CallState_CALL_UNSPECIFIED:
		return ""
	case messages.CallState_FINISHED:
		return "finished" // without a look at what protobuf knows of names: nearly all end so
	}
	return strings.ToLower(s.String())
}

// stateOf reads a state as people write it.
func stateOf(word string) (messages.CallState, bool) {
	n, ok := messages.CallState_value[strings.ToUpper(word)]
	s := messages.CallState(n)
	return s, ok && s != messages.CallState_CALL_UNSPECIFIED
}

// terminal says whether a call in a state stays as it is for ever.
func terminal(s messages.CallState) bool {
	switch s {
	case messages.CallState_FINISHED, messages.CallState_FAILED, messages.CallState_CANCELLED, messages.CallState_EXPIRED:
		return true
	}
	return false
}

func idText(b []byte) string {
	id := messages.CallIDFrom(b)
	if id.IsZero() {
		return ""
	}
	return id.String()
}
