package node

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// maxChunks bounds the chunks of a large value that one answer has: it must fit a
// peer's frame.
const maxChunks = 16

// query answers a question about a partition from this node's replica of it.
func (n *Node) query(_ context.Context, q *messages.QueryRequest) (*messages.QueryResponse, error) {
	rep := n.replicas.get(messages.GroupID(q.GetGroup()))
	if rep == nil || rep.partition == nil {
		return nil, messages.Errorf(messages.NotLeader, "query partition", fmt.Sprint(q.GetGroup()), "this node holds no replica of it")
	}
	response := &messages.QueryResponse{}
	err := rep.View(func(view kv.View, applied uint64) error {
		response.Index = applied
		return n.answer(view, q, response)
	})
	return response, err
}

func (n *Node) answer(view kv.View, request *messages.QueryRequest, to *messages.QueryResponse) error {
	now := n.boundary.now().UnixMicro()
	switch q := request.GetQuery().(type) {
	case *messages.QueryRequest_Call:
		id := messages.CallIDFrom(q.Call.GetId())
		call, ok := flow.GetCall(view, id, q.Call.GetArguments(), now)
		if !ok {
			return flow.Missing(view, "get", id)
		}
		to.Call = call
	case *messages.QueryRequest_Explain:
		id := messages.CallIDFrom(q.Explain.GetId())
		why, ok := flow.Explain(view, id, now)
		if !ok {
			return flow.Missing(view, "explain", id)
		}
		to.Explanation = why
	case *messages.QueryRequest_Logs:
		to.Logs = flow.Logs(view, messages.CallIDFrom(q.Logs.GetId()), q.Logs.GetAttempt())
	case *messages.QueryRequest_Stats:
		to.Stats = flow.Count(view, q.Stats.GetSocket())
	case *messages.QueryRequest_List:
		cursor, err := cursorOf(q.List.GetPageToken())
		if err != nil {
			return err
		}
		to.Page = flow.ListCalls(view, q.List, cursor, int(request.GetSkip()), now)
		to.Page.Skipped = request.GetSkip()
	case *messages.QueryRequest_Gates:
		gate, ok := flow.Gate(view, q.Gates.GetSocket())
		if !ok {
			return messages.Errorf(messages.NotFound, "get gate", "socket "+q.Gates.GetSocket(), "its partition does not know it")
		}
		to.Gate = gate
	case *messages.QueryRequest_Chunks:
		to.Chunks = &messages.Chunks{Data: flow.Chunks(view, q.Chunks.GetHash(), q.Chunks.GetFirst(), min(q.Chunks.GetCount(), maxChunks))}
	case *messages.QueryRequest_Schedules:
		to.Schedules = flow.Schedules(view)
	case *messages.QueryRequest_Dead:
		to.Dead = flow.DeadLetters(view, q.Dead)
	default:
		return messages.Errorf(messages.Invalid, "query partition", "", "the query is unknown to this version")
	}
	return nil
}

// cursorOf turns the place behind a row, its number in the order of arrival,
// into what lists go on from.
func cursorOf(place string) ([]byte, error) {
	if place == "" {
		return nil, nil
	}
	seq, err := strconv.ParseUint(place, 10, 64)
	if err != nil {
		return nil, messages.Errorf(messages.Invalid, "list calls", place, "the page token is not one of this network's")
	}
	return binary.BigEndian.AppendUint64(nil, seq), nil
}
