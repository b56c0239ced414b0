package api

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
	"github.com/elasticcode/flow/outbox"
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
	response.Pending = !o.waitInForce(ctx, position, changed.GetDeliveries())
	return response, nil
}

// waitInForce waits until the partitions have acknowledged what a change sent
// them. It gives up after a time: the change is durable, and reaches them later.
func (o *objects) waitInForce(ctx context.Context, position *messages.Position, deliveries []*messages.Deliveries) bool {
	ctx, cancel := context.WithTimeout(ctx, inForce)
	defer cancel()
	if o.reads.replica.WaitApplied(ctx, position.GetIndex()) != nil {
		return false
	}
	for {
		changed := o.reads.replica.Changed() // before the view, so that no change falls between
		done := true
		err := o.reads.replica.View(ctx, func(view kv.View, _ uint64) error {
			for _, d := range deliveries {
				done = done && outbox.Acknowledged(view, messages.GroupID(d.To), d.Seq)
			}
			return nil
		})
		if done || err != nil {
			return err == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
