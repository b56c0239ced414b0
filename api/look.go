package api

import (
	"context"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

func (o *objects) Get(ctx context.Context, request *connect.Request[messages.GetRequest]) (*connect.Response[messages.ObjectResponse], error) {
	m, op := request.Msg, "get"
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var response *messages.ObjectResponse
	err := o.reads.latest(bounded, m.After, func(view kv.View, applied uint64) (err error) {
		response, err = look(view, applied, op, m)
		return err
	})
	if err != nil {
		return nil, explained(ctx, err, op, subjectOf(m.Kind, m.Name))
	}
	if response.Held, err = o.held(bounded, response.Object, false); err != nil {
		return nil, explained(ctx, err, op, subjectOf(m.Kind, m.Name))
	}
	if response.Gate, err = o.gate(bounded, response.Object); err != nil {
		return nil, explained(ctx, err, op, subjectOf(m.Kind, m.Name))
	}
	return connect.NewResponse(response), nil
}

// Watch gives an object and what hangs on it, now and after each change of
// either, until the client goes or the object does.
func (o *objects) Watch(ctx context.Context, request *connect.Request[messages.GetRequest], stream *connect.ServerStream[messages.ObjectResponse]) error {
	m, op := request.Msg, "watch"
	changed := o.reads.replica.Changed()
	var seen *messages.ObjectResponse
	take := func(view kv.View, applied uint64) (err error) {
		seen, err = look(view, applied, op, m)
		return err
	}
	first, cancel := context.WithTimeout(ctx, patience)
	err := o.reads.latest(first, m.After, take)
	cancel()
	if err != nil {
		return explained(ctx, err, op, subjectOf(m.Kind, m.Name))
	}
	for sent := (*messages.ObjectResponse)(nil); ; {
		if sent == nil || !sameObjects(sent, seen) {
			if err := stream.Send(seen); err != nil {
				return err
			}
			sent = seen
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		changed = o.reads.replica.Changed() // before the view, so that no change falls between
		if err := o.reads.replica.View(ctx, take); err != nil {
			return explained(ctx, err, op, subjectOf(m.Kind, m.Name))
		}
	}
}

// look gives an object with what hangs on it, without credentials.
func look(view kv.View, applied uint64, op string, m *messages.GetRequest) (*messages.ObjectResponse, error) {
	object, ok := model.Get(view, m.Kind, m.Name)
	if !ok {
		return nil, notFound(view, op, m.Kind, m.Name)
	}
	response := &messages.ObjectResponse{Object: model.Redacted(object), Position: &messages.Position{Group: uint32(messages.Meta), Index: applied}}
	for _, other := range related(view, object) {
		response.Related = append(response.Related, model.Redacted(other))
	}
	return response, nil
}

// related gives the objects that hang on one, and those that it needs to be
// understood: a socket's function with its arguments.
func related(view kv.View, object *messages.Object) []*messages.Object {
	id := object.Id
	switch object.Kind {
	case messages.Kind_KIND_PROCESSOR:
		return hanging(view, model.Filter{Processor: id}, messages.Kind_KIND_DEPLOYMENT, messages.Kind_KIND_SOCKET, messages.Kind_KIND_TASK, messages.Kind_KIND_WORKER)
	case messages.Kind_KIND_QUEUE:
		return socketsOf(view, object)
	case messages.Kind_KIND_SOCKET:
		plugs := hanging(view, model.Filter{Socket: id}, messages.Kind_KIND_PLUG)
		if task, ok := model.TaskOf(view, object); ok {
			return append(append(plugs, task), model.TaskArguments(view, task.Id)...)
		}
		return plugs
	case messages.Kind_KIND_TASK:
		return model.TaskArguments(view, id)
	case messages.Kind_KIND_NODE:
		return hanging(view, model.Filter{Node: id}, messages.Kind_KIND_AGENT, messages.Kind_KIND_DEPLOYMENT, messages.Kind_KIND_WORKER)
	case messages.Kind_KIND_AGENT:
		return hanging(view, model.Filter{Node: object.GetAgent().GetNode()}, messages.Kind_KIND_WORKER)
	case messages.Kind_KIND_DEPLOYMENT:
		d := object.GetDeployment()
		return hanging(view, model.Filter{Node: d.GetNode(), Processor: d.GetProcessor()}, messages.Kind_KIND_WORKER)
	}
	return nil
}

// hanging gives the objects of some kinds that a filter lets pass.
func hanging(view kv.View, filter model.Filter, kinds ...messages.Kind) (found []*messages.Object) {
	for _, kind := range kinds {
		found = append(found, listed(view, kind, filter)...)
	}
	return found
}

// listed gives the first objects of a kind that a filter lets pass, as many as
// the longest page has.
func listed(view kv.View, kind messages.Kind, filter model.Filter) []*messages.Object {
	found, _ := model.List(view, kind, filter, "", messages.MaxPageRows)
	return found
}

func sameObjects(a, b *messages.ObjectResponse) bool {
	if len(a.Related) != len(b.Related) || !proto.Equal(a.Object, b.Object) {
		return false
	}
	for i := range a.Related {
		if !proto.Equal(a.Related[i], b.Related[i]) {
			return false
		}
	}
	return true
}
