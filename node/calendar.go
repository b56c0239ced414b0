package node

import (
	"context"

	"github.com/elasticcode/flow/api"
	"github.com/elasticcode/flow/calendar"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// calendarOf tells partitions' leaders when their schedules tick, and what the
// calls of ticks get.
type calendarOf struct{ model localModel }

func (calendarOf) Next(s *messages.Schedule, since, after int64) (int64, bool) {
	return calendar.Next(s, since, after)
}

func (calendarOf) Last(s *messages.Schedule, since, after, before int64) (int64, bool) {
	return calendar.Last(s, since, after, before)
}

// Arguments are held against the function as this node's replica of the model has
// it. A node that has none yet lets the call tell.
func (c calendarOf) Arguments(socket string, s *messages.Schedule, nominal int64) (arguments *messages.Arguments, misfit string) {
	arguments, err := api.TickArguments(s, nominal)
	if err != nil {
		return nil, err.Error()
	}
	_ = c.model.View(context.Background(), func(view kv.View, _ uint64) error {
		misfit = api.Misfit(view, socket, s)
		return nil
	})
	return arguments, misfit
}
