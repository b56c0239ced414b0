package client

import (
	"context"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

// ListDead gives a page of dead letters, newest first: 10 rows, at most 256. A
// list that goes on by NextPageToken holds nothing that died after its beginning.
// Errors: Invalid, NotFound (the socket), Unavailable.
func (c *Client) ListDead(ctx context.Context, m *messages.ListDeadRequest) (*messages.ListDeadResponse, error) {
	return do(ctx, c, func(ctx context.Context, to *lane) (*messages.ListDeadResponse, error) {
		return answer(to.tasks.ListDead(ctx, connect.NewRequest(m)))
	})
}

// GetDead gives a dead letter with the arguments that it is sent again with.
// Errors: NotFound, Unavailable.
func (c *Client) GetDead(ctx context.Context, id string) (*messages.DeadInfo, error) {
	return do(ctx, c, func(ctx context.Context, to *lane) (*messages.DeadInfo, error) {
		return answer(to.tasks.GetDead(ctx, connect.NewRequest(&messages.GetDeadRequest{Id: id})))
	})
}

// EditDead changes the arguments that a dead letter is sent again with: JSON
// text, spread like that of a call. Errors: NotFound, Invalid, Unavailable.
func (c *Client) EditDead(ctx context.Context, id, data string) (*messages.DeadInfo, error) {
	return do(ctx, c, func(ctx context.Context, to *lane) (*messages.DeadInfo, error) {
		return answer(to.tasks.EditDead(ctx, connect.NewRequest(&messages.EditDeadRequest{Id: id, Data: data})))
	})
}

// RedriveDead sends up to 256 dead letters again, each once: asked again, the
// answer names the same calls, as Duplicate. What could not be sent has an Error,
// and is still there: its socket is gone or full, or its gate waits for it no more.
// Errors: Invalid, Unavailable.
func (c *Client) RedriveDead(ctx context.Context, ids []string, owner string) ([]*messages.Redriven, error) {
	response, err := do(ctx, c, func(ctx context.Context, to *lane) (*messages.RedriveDeadResponse, error) {
		return answer(to.tasks.RedriveDead(ctx, connect.NewRequest(&messages.RedriveDeadRequest{Ids: ids, Owner: owner})))
	})
	return response.GetRedriven(), err
}

// DropDead forgets up to 256 dead letters, and gives those that were some. The
// calls stay in lists. Errors: Invalid, Unavailable.
func (c *Client) DropDead(ctx context.Context, ids []string) ([]string, error) {
	response, err := do(ctx, c, func(ctx context.Context, to *lane) (*messages.DropDeadResponse, error) {
		return answer(to.tasks.DropDead(ctx, connect.NewRequest(&messages.DropDeadRequest{Ids: ids})))
	})
	return response.GetDropped(), err
}
