package api

import (
	"context"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
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
	return connect.NewResponse(response), nil
}

// Watch gives an object and what hangs on it, now and after each change of
// either, until the client goes or the object does.
func (o *objects) Watch(ctx context.Context, request *connect.Request[messages.GetRequest], stream *connect.ServerStream[messages.ObjectResponse]) error {
	m, op := request.Msg, "watch"
	changed := o.reads.model.Changed()
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
		changed = o.reads.model.Changed() // before the view, so that no change falls between
		if err := o.reads.model.View(ctx, take); err != nil {
			return explained(ctx, err, op, subjectOf(m.Kind, m.Name))
		}
	}
}

// look gives an object with what hangs on it, without credentials.
func look(view kv.View, applied uint64, op string, m *messages.GetRequest) (*messages.ObjectResponse, error) {
	object, ok := getObject(view, m.Kind, m.Name)
	if !ok {
		return nil, notFound(view, op, m.Kind, m.Name)
	}
	response := &messages.ObjectResponse{Object: redacted(object), Position: &messages.Position{Group: uint32(messages.Meta), Index: applied}}
	for _, other := range related(view, object) {
		response.Related = append(response.Related, redacted(other))
	}
	return response, nil
}

// related gives the objects that hang on one, and those that it needs to be
// understood: a socket's function with its arguments.
func related(view kv.View, object *messages.Object) []*messages.Object {
	var found []*messages.Object
	hanging := func(kind messages.Kind, hangs func(*messages.Object) bool) {
		found = append(found, listWhere(view, kind, hangs)...)
	}
	id := object.Id
	switch object.Kind {
	case messages.Kind_KIND_PROCESSOR:
		hanging(messages.Kind_KIND_DEPLOYMENT, func(d *messages.Object) bool { return d.GetDeployment().GetProcessor() == id })
		hanging(messages.Kind_KIND_SOCKET, func(s *messages.Object) bool { return s.GetSocket().GetProcessor() == id })
		hanging(messages.Kind_KIND_TASK, func(t *messages.Object) bool { return t.GetTask().GetProcessor() == id })
		hanging(messages.Kind_KIND_WORKER, func(w *messages.Object) bool { return w.GetWorker().GetProcessor() == id })
	case messages.Kind_KIND_QUEUE:
		found = socketsOf(view, object)
	case messages.Kind_KIND_SOCKET:
		if task, ok := getObject(view, messages.Kind_KIND_TASK, object.GetSocket().GetTask()); ok {
			found = append(append(found, task), taskArguments(view, task.Id)...)
		}
	case messages.Kind_KIND_TASK:
		found = taskArguments(view, id)
	case messages.Kind_KIND_NODE:
		hanging(messages.Kind_KIND_AGENT, func(a *messages.Object) bool { return a.GetAgent().GetNode() == id })
		hanging(messages.Kind_KIND_DEPLOYMENT, func(d *messages.Object) bool { return d.GetDeployment().GetNode() == id })
		hanging(messages.Kind_KIND_WORKER, func(w *messages.Object) bool { return w.GetWorker().GetNode() == id })
	case messages.Kind_KIND_AGENT:
		hanging(messages.Kind_KIND_WORKER, func(w *messages.Object) bool { return w.GetWorker().GetAgent() == id })
	case messages.Kind_KIND_DEPLOYMENT:
		hanging(messages.Kind_KIND_WORKER, func(w *messages.Object) bool { return w.GetWorker().GetDeployment() == id })
	}
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
