package api

import (
	"context"
	"errors"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
	"github.com/elasticcode/flow/model"
)

// objects serves flow.v1.Objects.
type objects struct {
	cluster Cluster
	reads   *reads
	source  Source
	network Network
	taken   *taken
}

func (o *objects) Create(ctx context.Context, request *connect.Request[messages.CreateRequest]) (*connect.Response[messages.ObjectResponse], error) {
	object, op := request.Msg.Object, "add"
	if object == nil {
		return nil, messages.Errorf(messages.Invalid, op, "object", "no object is given")
	}
	owner, err := ownerOf(object.Owner, request.Header())
	if err != nil {
		return nil, err
	}
	object = proto.CloneOf(object)
	object.Owner = owner
	if object.Id, err = idFor(op, object); err != nil {
		return nil, err
	}
	if err := checkSchedule(op, subjectOf(object.Kind, object.Name), object); err != nil {
		return nil, err
	}
	if s := object.GetSocket(); s.GetScheduled() || s.GetScheduleData() != "" {
		if err := o.checkTickData(ctx, op, func(view kv.View) (*target, string) { return futureTarget(view, object), s.GetScheduleData() }); err != nil {
			return nil, err
		}
	}
	create := &messages.Create{Object: object}
	if processor := object.GetProcessor(); processor != nil && object.Kind == messages.Kind_KIND_PROCESSOR && !processor.BuiltinEcho {
		if processor.ResolvedCommit, create.Functions, err = o.inspect(ctx, processor); err != nil {
			return nil, explained(ctx, err, op, subjectOf(object.Kind, object.Name))
		}
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	response, err := o.change(bounded, create)
	return respond(response, explained(ctx, err, op, subjectOf(object.Kind, object.Name)))
}

func (o *objects) Delete(ctx context.Context, request *connect.Request[messages.DeleteRequest]) (*connect.Response[messages.ObjectResponse], error) {
	m, op := request.Msg, "delete"
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	object, err := o.find(bounded, op, m.Kind, m.Name)
	if err != nil {
		return nil, explained(ctx, err, op, subjectOf(m.Kind, m.Name))
	}
	if !m.Force {
		if err := o.refuseHeld(bounded, op, object); err != nil {
			return nil, explained(ctx, err, op, subjectOf(m.Kind, m.Name))
		}
	}
	response, err := o.change(bounded, &messages.Delete{Kind: m.Kind, Name: object.Id, Force: m.Force})
	if errors.Is(err, messages.NotFound) {
		// It was there a moment ago: this command was carried out before, and
		// its answer lost, or somebody else deleted it. It is gone, as asked.
		response, err = &messages.ObjectResponse{Object: model.Redacted(object)}, nil
	}
	return respond(response, explained(ctx, err, op, subjectOf(m.Kind, m.Name)))
}

func (o *objects) Inspect(ctx context.Context, request *connect.Request[messages.InspectRequest]) (*connect.Response[messages.InspectResponse], error) {
	if request.Msg.Processor == nil {
		return nil, messages.Errorf(messages.Invalid, "inspect", "", "no processor is given")
	}
	commit, functions, err := o.inspect(ctx, request.Msg.Processor)
	if err != nil {
		return nil, explained(ctx, err, "inspect", "module "+request.Msg.Processor.Module)
	}
	return connect.NewResponse(&messages.InspectResponse{Commit: commit, Functions: functions}), nil
}

// inspect looks at a processor's code for somebody who waits. That a repository
// cannot be reached is an answer for them: as UNAVAILABLE, which is about the
// network, the client would send the request to every node, again and again.
func (o *objects) inspect(ctx context.Context, p *messages.Processor) (string, []*messages.Function, error) {
	bounded, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	commit, functions, err := o.source.Inspect(bounded, p)
	var e *messages.Error
	if ctx.Err() == nil && errors.Is(err, messages.Unavailable) && errors.As(err, &e) {
		final := *e
		final.Kind = messages.ErrorKind_NOT_FOUND
		if final.Hint == "" {
			final.Hint = "check the address; it is the node that was asked that has to reach it"
		}
		err = &final
	}
	return commit, functions, err
}

func (o *objects) GetNetwork(ctx context.Context, _ *connect.Request[messages.GetNetworkRequest]) (*connect.Response[messages.NetworkInfo], error) {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	info, err := o.network.Info(bounded)
	return respond(info, explained(ctx, err, "describe", "network"))
}

// idFor is the id of a new object: a new UUID, or the one that the client made,
// so that it can send the same request again when it got no answer.
func idFor(op string, object *messages.Object) (string, error) {
	if object.Id == "" {
		return uuid.NewString(), nil
	}
	id, err := uuid.Parse(object.Id)
	if err != nil || id.String() != object.Id {
		return "", messages.Errorf(messages.Invalid, op, subjectOf(object.Kind, object.Name), "the id %.40q is not a UUID", object.Id)
	}
	return object.Id, nil
}

// find gives an object as the latest state has it, credentials included.
func (o *objects) find(ctx context.Context, op string, kind messages.Kind, name string) (*messages.Object, error) {
	var found *messages.Object
	err := o.reads.latest(ctx, nil, func(view kv.View, _ uint64) error {
		object, ok := model.Get(view, kind, name)
		if !ok {
			return notFound(view, op, kind, name)
		}
		found = object
		return nil
	})
	return found, err
}

func subjectOf(kind messages.Kind, name string) string { return kindWord(kind) + " " + name }

var _ messagesconnect.ObjectsHandler = (*objects)(nil)
