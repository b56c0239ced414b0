package api

import (
	"context"
	"errors"
	"time"

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
			total += response.GetStats().GetQueued() + response.GetStats().GetRunning() + response.GetStats().GetWaiting()
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

// gatePatience is how long a gate's reading waits for the partition's leader.
// Without one it is read as any replica has it.
const gatePatience = 2 * time.Second

// gate tells how the gate of a socket is filled; nil: it is no socket, or has
// none.
func (o *objects) gate(ctx context.Context, object *messages.Object) (*messages.Gate, error) {
	if object.Kind != messages.Kind_KIND_SOCKET {
		return nil, nil
	}
	group := messages.GroupID(object.GetSocket().GetPartition())
	bounded, cancel := context.WithTimeout(ctx, gatePatience)
	index, err := o.cluster.ReadIndex(bounded, group)
	cancel()
	if err != nil {
		index = 0
	}
	response, err := o.cluster.Query(ctx, &messages.QueryRequest{Group: uint32(group), Index: index,
		Query: &messages.QueryRequest_Gates{Gates: &messages.GatesQuery{Socket: object.Id}}})
	if errors.Is(err, messages.NotFound) {
		return nil, nil // its partition has not heard of it yet
	}
	if err != nil || !response.GetGate().GetGated() {
		return nil, err
	}
	return response.Gate, nil
}
