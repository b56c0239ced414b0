package api

import (
	"context"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// refuseHeld refuses to delete what holds calls that have not ended.
func (o *objects) refuseHeld(ctx context.Context, op string, object *messages.Object) error {
	held, err := o.held(ctx, object, true)
	if err != nil || held == 0 {
		return err
	}
	return messages.Errorf(messages.Conflict, op, subjectOf(object.Kind, object.Name), "it holds %s that %s not ended", count(held, "call"), have(held)).
		WithHint("let them end, or delete it with --force, which cancels them")
}

func have(n int64) string {
	if n == 1 {
		return "has"
	}
	return "have"
}

// held counts the calls of an object's sockets that wait or run. exactly: with
// all that was accepted before; else as any replica has it.
func (o *objects) held(ctx context.Context, object *messages.Object, exactly bool) (total int64, err error) {
	var sockets []*messages.Object
	err = o.reads.replica.View(ctx, func(view kv.View, _ uint64) error {
		sockets = socketsOf(view, object)
		return nil
	})
	for _, s := range sockets {
		if err != nil {
			return 0, err
		}
		group := messages.GroupID(s.GetSocket().GetPartition())
		query := &messages.QueryRequest{Group: uint32(group), Query: &messages.QueryRequest_Stats{Stats: &messages.StatsQuery{Socket: s.Id}}}
		if exactly {
			if query.Index, err = o.cluster.ReadIndex(ctx, group); err != nil {
				return 0, err
			}
		}
		var response *messages.QueryResponse
		if response, err = o.cluster.Query(ctx, query); err == nil {
			total += response.GetStats().GetQueued() + response.GetStats().GetRunning()
		}
	}
	return total, err
}

// socketsOf gives the sockets that go through an object: itself, a queue's, a
// processor's.
func socketsOf(view kv.View, object *messages.Object) []*messages.Object {
	switch object.Kind {
	case messages.Kind_KIND_SOCKET:
		return []*messages.Object{object}
	case messages.Kind_KIND_QUEUE:
		return listed(view, messages.Kind_KIND_SOCKET, model.Filter{Queue: object.Id})
	case messages.Kind_KIND_PROCESSOR:
		return listed(view, messages.Kind_KIND_SOCKET, model.Filter{Processor: object.Id})
	}
	return nil
}
