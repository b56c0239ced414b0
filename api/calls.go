package api

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

func (t *tasks) Result(ctx context.Context, request *connect.Request[messages.ResultRequest]) (*connect.Response[messages.CallInfo], error) {
	const op = "get result of"
	if err := t.waiting.take(op); err != nil {
		return nil, err
	}
	defer t.waiting.leave()
	id, err := t.callID(ctx, op, request.Msg.Id)
	if err != nil {
		return nil, err
	}
	limit, err := timeoutOf(op, request.Msg.Timeout)
	if err != nil {
		return nil, err
	}
	wait, cancel := withLimit(ctx, limit)
	defer cancel()
	call := t.ended(wait, &messages.CallQuery{Id: id.Bytes()})
	if call == nil {
		call, err = t.cluster.Await(wait, id)
	}
	if err != nil && passed(ctx, wait) {
		info, err := t.reached(ctx, op, id, messages.Errorf(messages.Deadline, op, "call "+id.String(), "its state could not be read within %v", limit).
			WithHint("ask again: the partition that holds it does not answer now"))
		return respond(info, err)
	}
	if err != nil {
		return nil, explained(ctx, err, op, "call "+id.String())
	}
	info, err := t.told(ctx, call)
	return respond(info, explained(ctx, err, op, "call "+id.String()))
}

func (t *tasks) GetCall(ctx context.Context, request *connect.Request[messages.GetCallRequest]) (*connect.Response[messages.CallInfo], error) {
	const op = "get"
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id, err := t.callID(bounded, op, request.Msg.Id)
	if err != nil {
		return nil, err
	}
	query := &messages.CallQuery{Id: id.Bytes(), Arguments: request.Msg.Arguments}
	if call := t.ended(bounded, query); call != nil {
		info, err := t.told(ctx, call)
		return respond(info, explained(ctx, err, op, "call "+id.String()))
	}
	info, err := t.now(bounded, query, request.Msg.After)
	return respond(info, explained(ctx, err, op, "call "+id.String()))
}

func (t *tasks) CancelCall(ctx context.Context, request *connect.Request[messages.CancelCallRequest]) (*connect.Response[messages.CallInfo], error) {
	const op = "cancel"
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id, err := t.callID(bounded, op, request.Msg.Id)
	if err != nil {
		return nil, err
	}
	why, err := reasonBy(request.Msg.Reason, request.Header())
	if err != nil {
		return nil, err
	}
	reply, position, err := t.cluster.Propose(bounded, id.Partition(), &messages.Cancel{Call: id.Bytes(), Reason: why})
	if err := refusal(reply, err); err != nil {
		return nil, explained(ctx, err, op, "call "+id.String())
	}
	if call := reply.GetCall().GetCall(); call != nil {
		info, err := t.told(ctx, call)
		if err == nil {
			info.Position = position
		}
		return respond(info, explained(ctx, err, op, "call "+id.String()))
	}
	info, err := t.now(bounded, &messages.CallQuery{Id: id.Bytes()}, position)
	return respond(info, explained(ctx, err, op, "call "+id.String()))
}

// callID reads the id of a call, and refuses one whose partition is none.
func (t *tasks) callID(ctx context.Context, op, text string) (messages.CallID, error) {
	id, err := messages.ParseCallID(text)
	if err != nil {
		return id, err
	}
	holds, err := t.reads.holdsCalls(ctx, id.Partition())
	if err != nil || holds {
		return id, err
	}
	return id, unknownCall(op, id)
}

// ended gives a call from any replica if it has its terminal state there: that
// never changes. nil says nothing.
func (t *tasks) ended(ctx context.Context, query *messages.CallQuery) *messages.Call {
	response, err := t.cluster.Query(ctx, &messages.QueryRequest{
		Group: uint32(messages.CallIDFrom(query.Id).Partition()), Query: &messages.QueryRequest_Call{Call: query}})
	if err != nil || !terminal(response.GetCall().GetState()) {
		return nil
	}
	return response.Call
}

// now gives a call as it is after all that was acknowledged before.
func (t *tasks) now(ctx context.Context, query *messages.CallQuery, after *messages.Position) (*messages.CallInfo, error) {
	id := messages.CallIDFrom(query.Id)
	index, err := t.reads.index(ctx, id.Partition(), after)
	if err != nil {
		return nil, err
	}
	response, err := t.cluster.Query(ctx, &messages.QueryRequest{
		Group: uint32(id.Partition()), Index: index, Query: &messages.QueryRequest_Call{Call: query}})
	if err != nil {
		return nil, err
	}
	if response.Call == nil {
		return nil, unknownCall("get", id)
	}
	info, err := t.told(ctx, response.Call)
	if err != nil {
		return nil, err
	}
	info.Position = &messages.Position{Group: uint32(id.Partition()), Index: response.Index}
	return info, nil
}

// reached gives the state of a call whose end did not come within a limit, or
// unknown if there is none to be read.
func (t *tasks) reached(ctx context.Context, op string, id messages.CallID, unknown error) (*messages.CallInfo, error) {
	bounded, cancel := context.WithTimeout(ctx, stateLimit)
	defer cancel()
	info, err := t.now(bounded, &messages.CallQuery{Id: id.Bytes()}, nil)
	if errors.Is(err, messages.NotFound) || err != nil && passed(ctx, bounded) {
		return nil, unknown
	}
	return info, explained(ctx, err, op, "call "+id.String())
}

func unknownCall(op string, id messages.CallID) error {
	return messages.Errorf(messages.NotFound, op, "call "+id.String(), "there is no such call").
		WithHint("`flowcli ls calls` shows the latest")
}
