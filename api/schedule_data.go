package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/elasticcode/flow/api/spread"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// checkTickData refuses data that the function of a schedule does not take: each
// tick would make a call that fails. No data are no arguments. find gives the
// socket; nil: whoever carries the change out says what is wrong with it.
func (o *objects) checkTickData(ctx context.Context, op string, object *messages.Object, find func(kv.View) *target) error {
	data := object.GetSocket().GetScheduleData()
	args, err := tickArguments([]byte(data))
	if err != nil {
		return err
	}
	given := &data
	if data == "" {
		given = nil
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return o.reads.latest(bounded, nil, func(view kv.View, _ uint64) error {
		if to := find(view); to != nil {
			return spreading(checked(op, to, args), given, args)
		}
		return nil
	})
}

// tickArguments are the arguments of a tick's call.
func tickArguments(data []byte) (*messages.Arguments, error) {
	if len(data) == 0 {
		return new(messages.Arguments), nil
	}
	return spread.Data(data)
}

// misfit says why the function behind a socket, as the code is now, does not take
// the data of the socket's schedule; "": it does. Data fit when they are set, and
// may not when the code has changed.
func misfit(view kv.View, socket string, data []byte) string {
	to := readTarget(view, socket)
	if to == nil || to.unchecked {
		return ""
	}
	args, err := tickArguments(data)
	if err == nil {
		err = to.signature.check(args)
	}
	if err != nil {
		return fmt.Sprintf("%s%s: %v", wrongArguments, to.signature, err)
	}
	return ""
}

// explainMisfit adds to why a call failed that what its socket's schedule sends
// cannot go well.
func explainMisfit(view kv.View, why *messages.Explanation) {
	o, ok := model.Get(view, messages.Kind_KIND_SOCKET, why.Socket)
	if !ok || !o.GetSocket().GetScheduled() {
		return
	}
	if wrong := misfit(view, o.Id, []byte(o.GetSocket().GetScheduleData())); wrong != "" {
		why.Text += "; no tick of the schedule of socket " + o.Name + " can go well: " + wrong
	}
}

// futureTarget is a socket that is about to be made.
func futureTarget(view kv.View, object *messages.Object) *target {
	s := object.GetSocket()
	processor, ok := model.Get(view, messages.Kind_KIND_PROCESSOR, s.GetProcessor())
	if !ok {
		return nil
	}
	tasks, t := model.Tasks(view, processor.Id), &target{name: object.Name, unchecked: processor.GetProcessor().GetBuiltinEcho()}
	at := slices.IndexFunc(tasks, func(o *messages.Object) bool {
		function := o.GetTask().GetFunction()
		return slices.Contains([]string{function, o.Name, o.Id}, s.GetTask()) || s.GetFunction() == function
	})
	if at < 0 {
		return nil
	}
	t.signature = signature{function: tasks[at].GetTask().GetFunction(), parameters: givenByCaller(model.TaskArguments(view, tasks[at].Id))}
	return t
}
