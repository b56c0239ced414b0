package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/messages"
)

// The replies of the two commands that each call costs are made at once with
// all that is in them: protobuf's structs would be an allocation each.

func enqueued(id messages.CallID, state messages.CallState, duplicate bool) *messages.Reply {
	r := &struct {
		reply    messages.Reply
		result   messages.Reply_Enqueued
		enqueued messages.Enqueued
		id       messages.CallID
	}{id: id}
	r.enqueued.Id, r.enqueued.State, r.enqueued.Duplicate = r.id[:], state, duplicate
	r.result.Enqueued = &r.enqueued
	r.reply.Result = &r.result
	return &r.reply
}

func completed(stale bool, rec *call.Record) *messages.Reply {
	r := new(struct {
		reply     messages.Reply
		result    messages.Reply_Completed
		completed messages.Completed
	})
	r.completed.Stale, r.completed.State = stale, rec.State
	r.result.Completed = &r.completed
	r.reply.Result = &r.result
	return &r.reply
}
