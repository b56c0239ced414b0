package api

import (
	"context"
	"errors"
	"slices"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/elasticcode/flow/messages"
)

// maxUpdateTries bounds how often an update of a processor's code is begun
// again because somebody else changed the processor meanwhile.
const maxUpdateTries = 5

const (
	resolvedCommit  = "processor.resolved_commit"
	requestedStatus = "requested_status"
	overridesField  = "processor.overrides"
)

// codeFields name the code that a processor runs: when one changes, the
// functions are read again.
var codeFields = []string{"processor.gitrepo", "processor.branch", "processor.commit", "processor.gittag", "processor.module", "processor.modulepath", overridesField}

func (o *objects) Update(ctx context.Context, request *connect.Request[messages.UpdateRequest]) (*connect.Response[messages.ObjectResponse], error) {
	m, op := request.Msg, "update"
	limit := patience
	if changesCode(m) || m.Kind == messages.Kind_KIND_TASK {
		limit += lookPatience
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	response, err := o.update(bounded, op, m)
	return respond(response, explained(ctx, err, op, subjectOf(m.Kind, m.Name)))
}

func (o *objects) update(ctx context.Context, op string, m *messages.UpdateRequest) (*messages.ObjectResponse, error) {
	subject := subjectOf(m.Kind, m.Name)
	if m.Object == nil || len(m.Fields) == 0 {
		return nil, messages.Errorf(messages.Invalid, op, subject, "no field to change is named").
			WithHint(`fields are named like "enabled" or "processor.concurrency"`)
	}
	if slices.Contains(m.Fields, resolvedCommit) {
		return nil, messages.Errorf(messages.Invalid, op, subject, "%s is read from the repository", resolvedCommit).WithHint("set processor.commit")
	}
	if err := checkSchedule(op, subject, m.Object); err != nil {
		return nil, err
	}
	if err := o.checkTicks(ctx, op, m); err != nil {
		return nil, err
	}
	if m.Kind == messages.Kind_KIND_TASK {
		return o.updateTask(ctx, op, m)
	}
	if changesCode(m) {
		return o.updateCode(ctx, op, m)
	}
	return o.change(ctx, &messages.Update{Kind: m.Kind, Name: m.Name, Object: m.Object, Fields: m.Fields, Expect: m.Expect})
}

func changesCode(m *messages.UpdateRequest) bool {
	return m.Kind == messages.Kind_KIND_PROCESSOR && slices.ContainsFunc(m.Fields, func(f string) bool { return slices.Contains(codeFields, f) })
}

// updateCode changes what a processor runs: the functions of the new code go
// along with the command. It holds for the version that was read, so that two
// changes at once cannot pair one's branch with the other's functions.
func (o *objects) updateCode(ctx context.Context, op string, m *messages.UpdateRequest) (*messages.ObjectResponse, error) {
	for try := 1; ; try++ {
		object, err := o.find(ctx, op, m.Kind, m.Name)
		if err != nil {
			return nil, err
		}
		merged := proto.CloneOf(object)
		if err := setFields(merged, m.Object, m.Fields); err != nil {
			return nil, messages.Errorf(messages.Invalid, op, subjectOf(m.Kind, m.Name), "%v", err)
		}
		update := &messages.Update{Kind: m.Kind, Name: object.Id, Object: merged, Fields: append(slices.Clone(m.Fields), resolvedCommit), Expect: m.Expect}
		if update.Expect == 0 {
			update.Expect = object.Version
		}
		processor := merged.GetProcessor()
		if processor.ResolvedCommit, update.Functions, err = o.inspect(ctx, processor); err != nil {
			return nil, err
		}
		response, err := o.change(ctx, update)
		if m.Expect == 0 && errors.Is(err, messages.Conflict) && try < maxUpdateTries {
			moved, again := o.find(ctx, op, m.Kind, m.Name)
			if again == nil && moved.Version != object.Version {
				continue
			}
		}
		return response, err
	}
}

func (o *objects) Control(ctx context.Context, request *connect.Request[messages.ControlRequest]) (*connect.Response[messages.ObjectResponse], error) {
	m := request.Msg
	subject := subjectOf(messages.Kind_KIND_PROCESSOR, m.Processor)
	status, ok := map[string]string{"start": "running", "stop": "stopped", "pause": "paused", "resume": "running", "restart": "running"}[m.Action]
	if !ok {
		return nil, messages.Errorf(messages.Invalid, "control", subject, "there is no action %q", m.Action).
			WithHint("the actions are start, stop, pause, resume and restart")
	}
	limit := patience
	if m.Action == "restart" {
		limit += lookPatience
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var (
		response *messages.ObjectResponse
		err      error
	)
	if m.Action == "restart" {
		response, err = o.restart(bounded, m.Processor, status)
	} else {
		response, err = o.update(bounded, m.Action, &messages.UpdateRequest{
			Kind: messages.Kind_KIND_PROCESSOR, Name: m.Processor, Object: &messages.Object{RequestedStatus: status}, Fields: []string{requestedStatus}})
	}
	return respond(response, explained(ctx, err, m.Action, subject))
}

// restart reads the processor's reference again, and runs what it stands for now.
func (o *objects) restart(ctx context.Context, name, status string) (*messages.ObjectResponse, error) {
	object, err := o.find(ctx, "restart", messages.Kind_KIND_PROCESSOR, name)
	if err != nil {
		return nil, err
	}
	update := &messages.UpdateRequest{Kind: messages.Kind_KIND_PROCESSOR, Name: object.Id, Object: &messages.Object{RequestedStatus: status}, Fields: []string{requestedStatus}}
	if object.GetProcessor().GetBuiltinEcho() {
		return o.update(ctx, "restart", update)
	}
	return o.updateCode(ctx, "restart", update)
}

// setFields copies the named fields from one object to another: "enabled", or
// "processor.branch" in the spec.
func setFields(to, from *messages.Object, fields []string) error {
	for _, path := range fields {
		into, values := to.ProtoReflect(), from.ProtoReflect()
		name := path
		if spec, rest, inSpec := strings.Cut(path, "."); inSpec {
			field := into.Descriptor().Fields().ByName(protoreflect.Name(spec))
			if field == nil || field.Kind() != protoreflect.MessageKind || !into.Has(field) || !values.Has(field) {
				return errors.New("there is no field " + path + " to set")
			}
			into, values, name = into.Mutable(field).Message(), values.Get(field).Message(), rest
		}
		field := into.Descriptor().Fields().ByName(protoreflect.Name(name))
		if field == nil || field.Kind() == protoreflect.MessageKind && !field.IsList() {
			return errors.New("there is no field " + path + " to set")
		}
		if values.Has(field) {
			into.Set(field, values.Get(field))
		} else {
			into.Clear(field)
		}
	}
	return nil
}
