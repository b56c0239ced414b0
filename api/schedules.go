package api

import (
	"context"
	"slices"
	"strings"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/api/spread"
	"github.com/elasticcode/flow/calendar"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// MaxNextTicks bounds how many of a schedule's next ticks are told.
const MaxNextTicks = 100

// checkSchedule refuses a cron line, a zone or data that mean nothing, among the
// fields that a request sets.
func checkSchedule(op, subject string, o *messages.Object) error {
	socket, cron := o.GetSocket(), o.GetSocket().GetCron()
	if cron == "" {
		cron = o.GetProcessor().GetCron()
	}
	if cron != "" {
		if err := calendar.Check(op, subject, cron, socket.GetTimezone()); err != nil {
			return err
		}
	} else if err := calendar.Check(op, subject, "@daily", socket.GetTimezone()); err != nil {
		return err // the zone alone
	}
	if data := socket.GetScheduleData(); data != "" {
		if _, err := spread.Data([]byte(data)); err != nil {
			return messages.Errorf(messages.Invalid, op, subject, "the data of its schedule: %v", err)
		}
	}
	return nil
}

// ListSchedules tells how schedules stand, after all that was acknowledged.
func (o *objects) ListSchedules(ctx context.Context, request *connect.Request[messages.ListSchedulesRequest]) (*connect.Response[messages.ListSchedulesResponse], error) {
	const op, subject = "list", "schedules"
	m := request.Msg
	if m.Next < 0 || m.Next > MaxNextTicks {
		return nil, messages.Errorf(messages.Invalid, op, subject, "%d next ticks: it can be 1 to %d", m.Next, MaxNextTicks)
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	groups, err := o.reads.partitions(bounded)
	id := ""
	if err == nil && m.Socket != "" {
		var socket *messages.Object
		if socket, err = o.find(bounded, op, messages.Kind_KIND_SOCKET, m.Socket); err == nil {
			id, groups = socket.Id, []messages.GroupID{messages.GroupID(socket.GetSocket().GetPartition())}
		}
	}
	response := &messages.ListSchedulesResponse{}
	for _, group := range groups {
		if err == nil {
			err = o.schedulesOf(bounded, group, id, int(max(m.Next, 1)), response)
		}
	}
	if err != nil {
		return nil, explained(ctx, err, op, subject)
	}
	if id != "" && len(response.Schedules) == 0 {
		return nil, messages.Errorf(messages.NotFound, op, "socket "+m.Socket, "it has no schedule").
			WithHint("give it one: flowcli update socket -n %s --interval 5s --scheduled", m.Socket)
	}
	slices.SortFunc(response.Schedules, func(a, b *messages.ScheduleInfo) int { return strings.Compare(a.Socket, b.Socket) })
	return connect.NewResponse(response), nil
}

// schedulesOf adds the schedules of a partition, or the one of a socket with its
// data.
func (o *objects) schedulesOf(ctx context.Context, group messages.GroupID, socket string, ticks int, to *messages.ListSchedulesResponse) error {
	index, err := o.cluster.ReadIndex(ctx, group)
	if err != nil {
		return err
	}
	response, err := o.cluster.Query(ctx, &messages.QueryRequest{Group: uint32(group), Index: index,
		Query: &messages.QueryRequest_Schedules{Schedules: &messages.SchedulesQuery{}}})
	if err != nil {
		return err
	}
	for _, state := range response.GetSchedules() {
		if socket != "" && state.Socket != socket {
			continue
		}
		info := scheduleInfo(state, ticks)
		if socket != "" {
			info.Data = string(state.GetSchedule().GetData())
		}
		to.Schedules = append(to.Schedules, info)
		err := o.reads.replica.View(ctx, func(view kv.View, _ uint64) error {
			info.Misfit = Misfit(view, state.Socket, state.GetSchedule())
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func scheduleInfo(state *messages.ScheduleState, ticks int) *messages.ScheduleInfo {
	s := state.GetSchedule()
	info := &messages.ScheduleInfo{
		Socket: state.Name, Type: "INTERVAL", Cron: s.GetCron(), Timezone: s.GetTimezone(), Interval: s.GetInterval() / 1000,
		Missed: orDefault(s.GetMissed(), "skip"), Overlap: orDefault(s.GetOverlap(), "queue"), State: "paused",
		Since: state.Since, Last: state.Last, Calls: state.Calls, Skipped: state.Skipped, Reason: state.Reason,
	}
	if s.GetCron() != "" {
		info.Type, info.Timezone = "CRON", orDefault(info.Timezone, "UTC")
	}
	if !s.GetOn() {
		return info
	}
	info.State = "on"
	at := max(state.Since, state.Last)
	for range ticks {
		next, ok := calendar.Next(s, state.Since, at)
		if !ok {
			break
		}
		info.Next = append(info.Next, next)
		at = next
	}
	return info
}

func orDefault(text, usual string) string {
	if text == "" {
		return usual
	}
	return text
}
