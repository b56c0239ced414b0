package cluster

import (
	"context"

	"github.com/elasticcode/flow/messages"
)

// Poll asks a partition's leader for what has happened there. It is answered
// when there is something, or after a while.
func (r *Router) Poll(ctx context.Context, q *messages.PollRequest) (*messages.PollResponse, error) {
	group := messages.GroupID(q.GetGroup())
	var response *messages.PollResponse
	err := r.route(ctx, task{op: "listen to", group: group, again: true, limit: waitLimit}, func(ctx context.Context, to messages.NodeID) (err error) {
		response, err = r.pollAt(ctx, to, q)
		return err
	})
	return response, err
}

func (r *Router) pollAt(ctx context.Context, to messages.NodeID, q *messages.PollRequest) (*messages.PollResponse, error) {
	if to == r.config.Self {
		return r.pollHere(ctx, q)
	}
	response := new(messages.PollResponse)
	err := r.ask(ctx, to, kindPoll, q, response)
	return response, err
}

func (r *Router) pollHere(ctx context.Context, q *messages.PollRequest) (*messages.PollResponse, error) {
	if _, err := r.led(messages.GroupID(q.GetGroup())); err != nil {
		return nil, err
	}
	return r.config.Poll(ctx, q)
}
