package api

import (
	"context"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

// Results waits until some of a batch's calls have ended that the client does
// not know of, and gives those. What the client knows comes with the request,
// so that any node can answer the next one.
func (t *tasks) Results(ctx context.Context, request *connect.Request[messages.ResultsRequest]) (*connect.Response[messages.ResultsResponse], error) {
	const op = "get results of"
	if err := t.waiting.take(op); err != nil {
		return nil, err
	}
	defer t.waiting.leave()
	m := request.Msg
	first, err := t.callID(ctx, op, m.First)
	if err != nil {
		return nil, err
	}
	if m.Count < 1 || m.Count > messages.MaxBatch || first.Index()+int(m.Count) > 1<<16 {
		return nil, messages.Errorf(messages.Invalid, op, "batch "+m.First, "a batch has 1 to %d calls, and this one has %d", messages.MaxBatch, m.Count)
	}
	limit, err := timeoutOf(op, m.Timeout)
	if err != nil {
		return nil, err
	}
	wait, cancel := withLimit(ctx, limit)
	defer cancel()
	known := m.Known[:min(len(m.Known), messages.MaxBatch/8)]
	calls, err := t.cluster.AwaitSome(wait, &messages.AwaitSomeRequest{First: first.Bytes(), Count: m.Count, Known: known})
	if err != nil && !passed(ctx, wait) {
		return nil, explained(ctx, err, op, "batch "+m.First)
	}
	response := &messages.ResultsResponse{Calls: make([]*messages.CallInfo, len(calls))}
	for i, call := range calls {
		response.Calls[i] = callInfo(call)
	}
	return connect.NewResponse(response), nil
}
