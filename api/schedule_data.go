package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/elasticcode/flow/api/spread"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// checkTickData refuses data that the function of a schedule does not take: no
// tick would make a call. find gives the socket and its data; nil: whoever carries
// the change out says what is wrong with it.
func (o *objects) checkTickData(ctx context.Context, op string, find func(kv.View) (*target, string)) error {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return o.reads.latest(bounded, nil, func(view kv.View, _ uint64) error {
		to, data := find(view)
		if to == nil {
			return nil
		}
		schedule := to.schedule(data)
		args, err := TickArguments(schedule, 0)
		if err != nil {
			return err
		}
		var given *string
		if data != "" {
			given = &data
		}
		return spreading(checked(op, to, args), given, args)
	})
}

// checkTicks is that for a change of a socket that sets a schedule going, or its data.
func (o *objects) checkTicks(ctx context.Context, op string, m *messages.UpdateRequest) error {
	s, newData := m.Object.GetSocket(), slices.Contains(m.Fields, "socket.schedule_data")
	if !(newData && s.GetScheduleData() != "" || slices.Contains(m.Fields, "socket.scheduled") && s.GetScheduled()) {
		return nil
	}
	return o.checkTickData(ctx, op, func(view kv.View) (*target, string) {
		if newData {
			return readTarget(view, m.Name), s.GetScheduleData()
		}
		stored, _ := model.Get(view, messages.Kind_KIND_SOCKET, m.Name)
		return readTarget(view, m.Name), stored.GetSocket().GetScheduleData()
	})
}

// schedule is what a tick sends to a function, with some data.
func (t *target) schedule(data string) *messages.Schedule {
	return &messages.Schedule{Data: []byte(data), TellsTime: model.TakesPositional(t.signature.parameters)}
}

// TickArguments are the arguments of a tick's call: the schedule's data. Without
// data they are the tick's nominal time as text, if the function takes an argument.
func TickArguments(s *messages.Schedule, nominal int64) (*messages.Arguments, error) {
	switch {
	case len(s.GetData()) > 0:
		return spread.Data(s.Data)
	case s.GetTellsTime():
		return spread.Data(strconv.AppendQuote(nil, time.UnixMicro(nominal).UTC().Format(time.RFC3339)))
	}
	return new(messages.Arguments), nil
}

// Misfit says why the function behind a socket, as the code is now, does not take
// what the socket's schedule sends; "": it does. Data fit when they are set, and
// may not when the code has changed: then ticks are left out.
func Misfit(view kv.View, socket string, s *messages.Schedule) string {
	to := readTarget(view, socket)
	if to == nil || to.unchecked {
		return ""
	}
	args, err := TickArguments(s, 0)
	if err == nil {
		err = to.signature.check(args)
	}
	if err != nil {
		return fmt.Sprintf("%s%s: %v", wrongArguments, to.signature, err)
	}
	return ""
}

// explainMisfit adds to why a call failed that its socket's schedule makes no more
// such calls.
func explainMisfit(view kv.View, why *messages.Explanation) {
	o, ok := model.Get(view, messages.Kind_KIND_SOCKET, why.Socket)
	if !ok || !o.GetSocket().GetScheduled() {
		return
	}
	if wrong := Misfit(view, o.Id, readTarget(view, o.Id).schedule(o.GetSocket().GetScheduleData())); wrong != "" {
		why.Text += "; the ticks of the schedule of socket " + o.Name + " are left out: " + wrong
	}
}

// futureTarget is a socket that is about to be made.
func futureTarget(view kv.View, object *messages.Object) *target {
	s := object.GetSocket()
	processor, ok := model.Get(view, messages.Kind_KIND_PROCESSOR, s.GetProcessor())
	if !ok {
		return nil
	}
	tasks, t := model.Tasks(view, processor.Id), &target{name: object.Name, function: function{unchecked: processor.GetProcessor().GetBuiltinEcho()}}
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
