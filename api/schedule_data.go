package api

import (
	"context"
	"slices"

	"github.com/elasticcode/flow/api/spread"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// checkTickData refuses data that the function of a schedule does not take: each
// tick would make a call that fails. find gives the socket; nil: whoever carries
// the change out says what is wrong with it.
func (o *objects) checkTickData(ctx context.Context, op string, object *messages.Object, find func(kv.View) *target) error {
	data := object.GetSocket().GetScheduleData()
	if data == "" {
		return nil
	}
	args, err := spread.Data([]byte(data))
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return o.reads.latest(bounded, nil, func(view kv.View, _ uint64) error {
		if to := find(view); to != nil {
			return spreading(checked(op, to, args), &data, args)
		}
		return nil
	})
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
