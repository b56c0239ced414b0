package api

import (
	"context"
	"errors"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

const taskCode = "task.code"

// updateTask puts a text in the place of a task's function, or takes it away: a
// change of its processor's code like any other. The text is read as the
// repository's functions are, and what runs goes on until it is known to start.
func (o *objects) updateTask(ctx context.Context, op string, m *messages.UpdateRequest) (*messages.ObjectResponse, error) {
	subject := subjectOf(m.Kind, m.Name)
	for _, field := range m.Fields {
		if field != taskCode && field != "task.mixin" {
			return nil, messages.Errorf(messages.Invalid, op, subject, "%s cannot be set: it is read from the repository", field).
				WithHint("settable: %s, task.mixin", taskCode)
		}
	}
	for try := 1; ; try++ {
		response, err := o.changeOverride(ctx, op, m)
		if !errors.Is(err, messages.Conflict) || try == maxUpdateTries {
			return response, err
		}
	}
}

// changeOverride holds for the processor as it was read: its version moves on
// also when it only starts.
func (o *objects) changeOverride(ctx context.Context, op string, m *messages.UpdateRequest) (*messages.ObjectResponse, error) {
	subject, task := subjectOf(m.Kind, m.Name), m.Object.GetTask()
	processor, function, err := o.ownerOfTask(ctx, op, m.Name, task.GetMixin())
	if err != nil {
		return nil, err
	}
	if processor.GetProcessor().GetBuiltinEcho() {
		return nil, messages.Errorf(messages.Invalid, op, subject, "its processor runs no code")
	}
	overrides, err := overridden(op, subject, processor.GetProcessor().GetOverrides(), function, task)
	if err != nil {
		return nil, err
	}
	return o.updateCode(ctx, op, &messages.UpdateRequest{Kind: messages.Kind_KIND_PROCESSOR, Name: processor.Id, Fields: []string{overridesField}, Expect: processor.Version,
		Object: &messages.Object{Spec: &messages.Object_Processor{Processor: &messages.Processor{Overrides: overrides}}}})
}

// ownerOfTask finds the processor of a task and the function's name. One that is
// to be mixed in is not there yet: its name says both, PROCESSOR.FUNCTION.
func (o *objects) ownerOfTask(ctx context.Context, op, name string, mixin bool) (*messages.Object, string, error) {
	owner, function := "", ""
	task, err := o.find(ctx, op, messages.Kind_KIND_TASK, name)
	at := strings.LastIndex(name, ".")
	switch {
	case err == nil:
		owner, function = task.GetTask().GetProcessor(), task.GetTask().GetFunction()
	case mixin && errors.Is(err, messages.NotFound) && at > 0:
		owner, function = name[:at], name[at+1:]
	default:
		return nil, "", err
	}
	processor, err := o.find(ctx, op, messages.Kind_KIND_PROCESSOR, owner)
	return processor, function, err
}

// overridden gives a processor's overrides with that of a function changed. They
// are in the order of the functions' names, so that the same ones are the same
// commit.
func overridden(op, subject string, overrides []*messages.Override, function string, task *messages.Task) (changed []*messages.Override, err error) {
	fresh := &messages.Override{Function: function, Code: task.GetCode(), Mixin: task.GetMixin(), Version: 1}
	found := false
	for _, o := range overrides {
		if o.Function == function {
			fresh.Version, fresh.Mixin, found = o.Version+1, o.Mixin || fresh.Mixin, true
			continue
		}
		changed = append(changed, proto.CloneOf(o))
	}
	switch {
	case fresh.Code != "":
		changed = append(changed, fresh)
	case !found:
		return nil, messages.Errorf(messages.NotFound, op, subject, "it has no code of its own: the repository's runs")
	}
	slices.SortFunc(changed, func(a, b *messages.Override) int { return strings.Compare(a.Function, b.Function) })
	return changed, nil
}
