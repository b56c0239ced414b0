package node

import (
	"strconv"
	"time"

	"github.com/elasticcode/flow/api/spread"
	"github.com/elasticcode/flow/calendar"
	"github.com/elasticcode/flow/messages"
)

// calendarOf tells partitions' leaders when their schedules tick, and what the
// calls of ticks get.
type calendarOf struct{}

func (calendarOf) Next(s *messages.Schedule, since, after int64) (int64, bool) {
	return calendar.Next(s, since, after)
}

func (calendarOf) Last(s *messages.Schedule, since, after, before int64) (int64, bool) {
	return calendar.Last(s, since, after, before)
}

// Arguments are the schedule's data. Without data they are the tick's nominal
// time as text, if the function takes an argument.
func (calendarOf) Arguments(s *messages.Schedule, nominal int64) (*messages.Arguments, error) {
	switch {
	case len(s.GetData()) > 0:
		return spread.Data(s.Data)
	case s.GetTellsTime():
		return spread.Data(strconv.AppendQuote(nil, time.UnixMicro(nominal).UTC().Format(time.RFC3339)))
	}
	return &messages.Arguments{}, nil
}
