package api_test

import (
	"encoding/binary"
	"strconv"

	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// query answers what a replica is asked.
func query(state kv.View, index uint64, now int64, q *messages.QueryRequest) (*messages.QueryResponse, error) {
	response := &messages.QueryResponse{Index: index}
	switch {
	case q.GetCall() != nil:
		id := messages.CallIDFrom(q.GetCall().Id)
		call, ok := flow.GetCall(state, id, q.GetCall().Arguments, now)
		if !ok {
			return nil, flow.Missing(state, "get", id)
		}
		response.Call = call
	case q.GetList() != nil:
		var cursor []byte
		if place := q.GetList().PageToken; place != "" {
			seq, err := strconv.ParseUint(place, 10, 64)
			if err != nil {
				return nil, err
			}
			cursor = binary.BigEndian.AppendUint64(nil, seq)
		}
		response.Page = flow.ListCalls(state, q.GetList(), cursor, int(q.Skip), now)
		response.Page.Skipped = q.Skip
	case q.GetGates() != nil:
		gate, ok := flow.Gate(state, q.GetGates().Socket)
		if !ok {
			return nil, messages.Errorf(messages.NotFound, "get gate", "socket "+q.GetGates().Socket, "its partition does not know it")
		}
		response.Gate = gate
	case q.GetSchedules() != nil:
		response.Schedules = flow.Schedules(state)
	case q.GetDead() != nil:
		response.Dead = flow.DeadLetters(state, q.GetDead())
	case q.GetExplain() != nil:
		id := messages.CallIDFrom(q.GetExplain().Id)
		why, ok := flow.Explain(state, id, now)
		if !ok {
			return nil, flow.Missing(state, "explain", id)
		}
		response.Explanation = why
	case q.GetLogs() != nil:
		response.Logs = flow.Logs(state, messages.CallIDFrom(q.GetLogs().Id), q.GetLogs().Attempt)
	case q.GetStats() != nil:
		response.Stats = flow.Count(state, q.GetStats().Socket)
	}
	return response, nil
}
