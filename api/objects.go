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
)

// objects serves flow.v1.Objects.
type objects struct {
	cluster Cluster
	reads   *reads
	source  Source
	network Network
}

func (o *objects) Create(ctx context.Context, request *connect.Request[messages.CreateRequest]) (*connect.Response[messages.ObjectResponse], error) {
	object, op := request.Msg.Object, "add"
	if err := creatable(op, object); err != nil {
		return nil, err
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
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	create := &messages.Create{Object: object}
	if processor := object.GetProcessor(); processor != nil && !processor.BuiltinEcho {
		if processor.ResolvedCommit, create.Functions, err = o.source.Inspect(bounded, processor); err != nil {
			return nil, explained(ctx, err, op, subjectOf(object.Kind, object.Name))
		}
	}
	response, err := o.change(bounded, create)
	if errors.Is(err, messages.Conflict) {
		response, err = o.ownCreation(bounded, object, err)
	}
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
		response, err = &messages.ObjectResponse{Object: redacted(object)}, nil
	}
	return respond(response, explained(ctx, err, op, subjectOf(m.Kind, m.Name)))
}

func (o *objects) Inspect(ctx context.Context, request *connect.Request[messages.InspectRequest]) (*connect.Response[messages.InspectResponse], error) {
	if request.Msg.Processor == nil {
		return nil, messages.Errorf(messages.Invalid, "inspect", "", "no processor is given")
	}
	commit, functions, err := o.source.Inspect(ctx, request.Msg.Processor)
	if err != nil {
		return nil, explained(ctx, err, "inspect", "module "+request.Msg.Processor.Module)
	}
	return connect.NewResponse(&messages.InspectResponse{Commit: commit, Functions: functions}), nil
}

func (o *objects) GetNetwork(ctx context.Context, _ *connect.Request[messages.GetNetworkRequest]) (*connect.Response[messages.NetworkInfo], error) {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	info, err := o.network.Info(bounded)
	return respond(info, explained(ctx, err, "describe", "network"))
}

// creatable says whether people may add an object of a kind themselves.
func creatable(op string, object *messages.Object) error {
	if object == nil {
		return messages.Errorf(messages.Invalid, op, "object", "no object is given")
	}
	subject := subjectOf(object.Kind, object.Name)
	refuse := func(reason string) error { return messages.Errorf(messages.Invalid, op, subject, "%s", reason) }
	fits := false
	switch object.Kind {
	case messages.Kind_KIND_QUEUE:
		fits = object.GetQueue() != nil || object.Spec == nil
	case messages.Kind_KIND_PROCESSOR:
		fits = object.GetProcessor() != nil
	case messages.Kind_KIND_SOCKET:
		fits = object.GetSocket() != nil
	case messages.Kind_KIND_TASK, messages.Kind_KIND_ARGUMENT:
		return refuse("tasks and their arguments are read from the code of a processor; add the processor")
	case messages.Kind_KIND_NODE, messages.Kind_KIND_AGENT, messages.Kind_KIND_NETWORK:
		return refuse("it comes by itself when a node is started that joins the network")
	case messages.Kind_KIND_WORKER, messages.Kind_KIND_DEPLOYMENT:
		return refuse("the network places workers itself, as many as a processor's concurrency asks for")
	case messages.Kind_KIND_UNSPECIFIED:
		return refuse("the object has no kind")
	default:
		return refuse("this version cannot add a " + kindWord(object.Kind))
	}
	if !fits {
		return refuse("the object's spec is not that of a " + kindWord(object.Kind))
	}
	if object.Name == "" {
		return refuse("the object has no name")
	}
	return nil
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

// ownCreation tells a name that is taken from an object that this very request
// has made already, when its first answer was lost.
func (o *objects) ownCreation(ctx context.Context, object *messages.Object, conflict error) (*messages.ObjectResponse, error) {
	response := &messages.ObjectResponse{Pending: true}
	err := o.reads.latest(ctx, nil, func(view kv.View, applied uint64) error {
		there, ok := getObject(view, object.Kind, object.Id)
		if !ok || there.Name != object.Name {
			return conflict
		}
		response.Object = redacted(there)
		response.Position = &messages.Position{Group: uint32(messages.Meta), Index: applied}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

// find gives an object as the latest state has it, credentials included.
func (o *objects) find(ctx context.Context, op string, kind messages.Kind, name string) (*messages.Object, error) {
	var found *messages.Object
	err := o.reads.latest(ctx, nil, func(view kv.View, _ uint64) error {
		object, ok := getObject(view, kind, name)
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
