package api

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// change puts a command into the meta group's log, and waits a little for the
// partitions concerned to have taken it over.
func (o *objects) change(ctx context.Context, command proto.Message) (*messages.ObjectResponse, error) {
	reply, position, err := o.cluster.Propose(ctx, messages.Meta, command)
	if err := refusal(reply, err); err != nil {
		return nil, err
	}
	changed := reply.GetChanged()
	response := &messages.ObjectResponse{Object: model.Redacted(changed.GetObject()), Position: position}
	for _, other := range changed.GetObjects() {
		response.Objects = append(response.Objects, model.Redacted(other))
	}
	response.Pending = !o.taken.wait(ctx, position, changed.GetDeliveries())
	return response, nil
}
