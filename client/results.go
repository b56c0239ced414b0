package client

import (
	"context"
	"iter"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

// Results gives the calls of a batch as they end, each once, in the order in
// which they end, without what they printed. After an error there is no more.
// Errors: NotFound (no such batch), Gone (what is left of it was dropped),
// Unavailable, and those of ctx.
func (c *Client) Results(ctx context.Context, batch *messages.SubmitBatchResponse) iter.Seq2[*messages.CallInfo, error] {
	return func(yield func(*messages.CallInfo, error) bool) {
		var known messages.Known
		for left := int(batch.GetCount()); left > 0; {
			m := &messages.ResultsRequest{First: batch.GetFirst(), Count: batch.GetCount(), Known: known}
			response, err := doAs(ctx, c, asks{room: true}, func(ctx context.Context, to *lane) (*messages.ResultsResponse, error) {
				return answer(to.tasks.Results(ctx, connect.NewRequest(m)))
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, call := range response.Calls {
				id, err := messages.ParseCallID(call.Id)
				if err != nil {
					yield(nil, err)
					return
				}
				known = known.With(id.Index() - indexOf(batch))
				if left--; !yield(call, nil) {
					return
				}
			}
		}
	}
}

// indexOf is the index of a batch's first call.
func indexOf(batch *messages.SubmitBatchResponse) int {
	first, _ := messages.ParseCallID(batch.GetFirst()) // the server has read it
	return first.Index()
}
