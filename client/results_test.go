package client_test

import (
	"context"
	"errors"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// Results gives two calls at a time, and refuses the first request of all.
func (s *node) Results(_ context.Context, r *connect.Request[messages.ResultsRequest]) (*connect.Response[messages.ResultsResponse], error) {
	if s.refuse != nil {
		if err := s.refuse(); err != nil {
			return nil, wire(err)
		}
	}
	first, err := messages.ParseCallID(r.Msg.First)
	if err != nil {
		return nil, wire(err)
	}
	response := &messages.ResultsResponse{}
	for i := range int(r.Msg.Count) {
		if !messages.Known(r.Msg.Known).Has(i) && len(response.Calls) < 2 {
			response.Calls = append(response.Calls, &messages.CallInfo{Id: first.At(first.Index() + i).String(), State: "finished"})
		}
	}
	return connect.NewResponse(response), nil
}

func TestResultsOfABatchComeOnceEach(t *testing.T) {
	one := start(t, newNetwork())
	refused := false
	one.refuse = func() error {
		if refused = !refused; refused {
			return messages.Errorf(messages.Unavailable, "get results", "", "not now")
		}
		return nil
	}
	c, err := client.New(client.Options{Addresses: []string{one.address}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	first := messages.NewCallID("batch", 2, 0)
	batch := &messages.SubmitBatchResponse{First: first.String(), Count: 9}
	seen := map[string]int{}
	for call, err := range c.Results(t.Context(), batch) {
		if err != nil {
			t.Fatal(err)
		}
		seen[call.Id]++
	}
	ids, err := client.IDs(batch)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if seen[id] != 1 {
			t.Errorf("call %s came %d times", id, seen[id])
		}
	}
	for _, err := range c.Results(t.Context(), &messages.SubmitBatchResponse{First: "x", Count: 1}) {
		if !errors.Is(err, messages.Invalid) {
			t.Errorf("of a batch that has no id: %v", err)
		}
	}
}
