package api

import (
	"context"

	"connectrpc.com/connect"
	"github.com/elasticcode/flow/messages"
)

// callRows is how many calls a page has when the request names no number.
const callRows = 10

// ListCalls asks each partition for its calls and merges them by the time at
// which they were received. The page token holds the place that was reached in
// each partition, so calls that come meanwhile do not shift the pages.
func (t *tasks) ListCalls(ctx context.Context, request *connect.Request[messages.ListCallsRequest]) (*connect.Response[messages.ListCallsResponse], error) {
	const op, subject = "list", "calls"
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m := request.Msg
	rows, skip, err := pageOf(op, m)
	if err != nil {
		return nil, err
	}
	query, err := t.callQuery(bounded, op, m)
	if err != nil {
		return nil, err
	}
	groups, err := t.reads.partitions(bounded)
	if err != nil {
		return nil, explained(ctx, err, op, subject)
	}
	begin, err := decodePlaces(op, m.PageToken)
	if err != nil {
		return nil, err
	}
	for _, place := range m.After {
		if _, err := t.reads.index(bounded, messages.GroupID(place.GetGroup()), place); err != nil {
			return nil, explained(ctx, err, op, subject)
		}
	}
	pages := newMerge(t.cluster, query, groups, begin, m.After)
	if err := pages.skip(bounded, skip); err != nil {
		return nil, explained(ctx, err, op, subject)
	}
	calls, err := pages.take(bounded, rows, m.Results)
	if err != nil {
		return nil, explained(ctx, err, op, subject)
	}
	response := &messages.ListCallsResponse{Total: pages.total(), AtGates: pages.atGates(), AsOf: pages.asOf()}
	for _, call := range calls {
		response.Calls = append(response.Calls, callInfo(call))
	}
	if pages.more() {
		response.NextPageToken = encodePlaces(pages.places())
	}
	return connect.NewResponse(response), nil
}

// pageOf reads how many rows are wanted, and how many to pass over before.
func pageOf(op string, m *messages.ListCallsRequest) (rows, skip int, err error) {
	most := int32(messages.MaxPageRows)
	if m.Results {
		most = MaxResultRows
	}
	if rows, err = rowsOf(op, "calls", m.Rows, callRows, most); err != nil {
		return 0, 0, err
	}
	switch {
	case m.Page < 0:
		return 0, 0, messages.Errorf(messages.Invalid, op, "calls", "page %d: pages are counted from 1", m.Page)
	case m.Page > 1 && m.PageToken != "":
		return 0, 0, messages.Errorf(messages.Invalid, op, "calls", "a page token and a page number are both given; one is enough")
	case m.Page > 1:
		skip = int(m.Page-1) * rows
	}
	return rows, skip, nil
}

// callQuery is the request as a partition gets it: the socket by its id, the
// rest checked.
func (t *tasks) callQuery(ctx context.Context, op string, m *messages.ListCallsRequest) (*messages.ListCallsRequest, error) {
	query := &messages.ListCallsRequest{States: m.States, Unfinished: m.Unfinished, Ascend: m.Ascend, Tracking: m.Tracking}
	for _, word := range m.States {
		if _, ok := stateOf(word); !ok {
			return nil, messages.Errorf(messages.Invalid, op, "calls", "there is no state %q", word).
				WithHint("states are received, waiting, queued, running, finished, failed, cancelled and expired")
		}
	}
	if _, err := trackingOf(op, m.Tracking); err != nil {
		return nil, err
	}
	if m.Socket != "" {
		to, err := t.sockets.find(ctx, op, m.Socket)
		if err != nil {
			return nil, err
		}
		query.Socket = to.id
	}
	return query, nil
}
