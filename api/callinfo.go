package api

import (
	"bytes"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// callInfo is a call as people see it, in one piece with what it points to.
func callInfo(c *messages.Call) *messages.CallInfo {
	told := new(struct {
		info           messages.CallInfo
		result, output string
	})
	info := &told.info
	info.Id, info.Name, info.Socket, info.State, info.Owner = idText(c.Id), c.Name, c.Name, stateWord(c.State), c.Owner
	info.Received, info.Started, info.Finished, info.Lastupdated = c.Received, c.Started, c.Finished, c.Lastupdated
	info.Parent, info.Taskparent, info.Flowparent = idText(c.Parent), idText(c.Taskparent), idText(c.Flowparent)
	info.Attempts, info.Tries, info.Crashes, info.Lost = c.Attempt, c.Tries, c.Crashes, c.Lost
	info.Error, info.Events, info.Arguments, info.Log = c.Error, c.Events, c.Arguments, strings.ToValidUTF8(string(c.Log), "\uFFFD")
	info.Commit, info.Node, info.Priority = c.Commit, c.Node, c.Priority
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
		told.output = string(c.Output)
		info.Output = &told.output
	}
	if r, large := messages.ReadReference(c.Result); large {
		info.ResultSize = r.Size
	} else if len(c.Result) > 0 {
		told.result = string(c.Result)
		info.Result = &told.result
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
