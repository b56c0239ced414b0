package main

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// newSchedule is the verb that pauses schedules and lets them go on.
func newSchedule(c *cli) *cobra.Command {
	return verbOf("schedule", "Pause schedules, or let them go on",
		`Pause the schedule of a socket, or let it go on. Ticks of the time in which it was
paused are not made up for. "add socket" and "update socket" set schedules, "ls
schedules" shows them.`,
		newSchedulePause(c, "pause", "Pause the schedule of a socket", true),
		newSchedulePause(c, "resume", "Let a paused schedule go on", false))
}

func newSchedulePause(c *cli, action, short string, paused bool) *cobra.Command {
	cmd := &cobra.Command{
		Use:               action + " [SOCKET]",
		Short:             short,
		Example:           "flowcli schedule " + action + " pyfi.processors.sample.do_this",
		Args:              atMostOne,
		ValidArgsFunction: c.completeNames(messages.Kind_KIND_SOCKET),
	}
	nameFlags(cmd, "socket")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, err := named(cmd, args)
		if err != nil {
			return err
		}
		net, err := c.connect()
		if err != nil {
			return err
		}
		r, err := net.Update(cmd.Context(), &messages.UpdateRequest{Kind: messages.Kind_KIND_SOCKET, Name: name, Fields: []string{"socket.schedule_paused"},
			Object: &messages.Object{Spec: &messages.Object_Socket{Socket: &messages.Socket{SchedulePaused: paused}}}})
		if err != nil {
			return attempting(action+" the schedule of", err)
		}
		return c.changed(r)
	}
	return cmd
}

func newLsSchedules(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "schedules [SOCKET]",
		Aliases:           []string{"schedule"},
		Short:             "List schedules: what they are, their last and next ticks",
		Example:           "flowcli ls schedules\nflowcli ls schedules pyfi.processors.sample.do_this --next 5",
		Args:              atMostOne,
		ValidArgsFunction: c.completeNames(messages.Kind_KIND_SOCKET),
	}
	nameFlags(cmd, "socket")
	next := cmd.Flags().Int("next", 1, "how many of the next ticks to show, at most 100")
	argv.Short(cmd.Flags(), "next", "x")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		socket := ""
		if len(args) > 0 || cmd.Flag("name").Changed || cmd.Flag("id").Changed {
			name, err := named(cmd, args)
			if err != nil {
				return err
			}
			socket = name
		}
		return c.listSchedules(cmd.Context(), socket, *next)
	}
	return cmd
}

func (c *cli) listSchedules(ctx context.Context, socket string, next int) error {
	net, err := c.connect()
	if err != nil {
		return err
	}
	schedules, err := net.ListSchedules(ctx, &messages.ListSchedulesRequest{Socket: socket, Next: int32(next)})
	if err != nil {
		return err
	}
	if c.structured() {
		return c.write(schedulesDocument(schedules))
	}
	var rows [][]string
	for _, s := range schedules {
		rows = append(rows, []string{s.Socket, times(s), strings.TrimSpace(s.State + "\n" + s.Misfit), s.Missed, s.Overlap, cmp.Or(clock(s.Last), "never"), nextTicks(s),
			strconv.FormatUint(s.Calls, 10), strings.TrimSpace(strconv.FormatUint(s.Skipped, 10) + " " + s.Reason)})
	}
	return c.table([]string{"Socket", "Times", "State", "Missed", "Overlap", "Last", "Next", "Calls", "Left out"}, rows)
}

// times is when a schedule ticks, in words.
func times(s *messages.ScheduleInfo) string {
	if s.Type == "CRON" {
		return s.Cron + " " + s.Timezone
	}
	return "every " + (time.Duration(s.Interval) * time.Millisecond).String()
}

func nextTicks(s *messages.ScheduleInfo) string {
	var all []string
	for _, at := range s.Next {
		all = append(all, clock(at))
	}
	return strings.Join(all, "\n")
}

func schedulesDocument(schedules []*messages.ScheduleInfo) document.Object {
	list := []document.Object{}
	for _, s := range schedules {
		next := []string{}
		for _, at := range s.Next {
			next = append(next, clock(at))
		}
		list = append(list, document.Object{
			{Name: "socket", Value: s.Socket},
			{Name: "type", Value: s.Type},
			{Name: "cron", Value: orNull(s.Cron)},
			{Name: "timezone", Value: orNull(s.Timezone)},
			{Name: "interval_ms", Value: s.Interval},
			{Name: "missed", Value: s.Missed},
			{Name: "overlap", Value: s.Overlap},
			{Name: "data", Value: orNull(s.Data)},
			{Name: "state", Value: s.State},
			{Name: "since", Value: orNull(clock(s.Since))},
			{Name: "last", Value: orNull(clock(s.Last))},
			{Name: "next", Value: next},
			{Name: "calls", Value: s.Calls},
			{Name: "skipped", Value: s.Skipped},
			{Name: "reason", Value: orNull(s.Reason)},
			{Name: "misfit", Value: orNull(s.Misfit)},
		})
	}
	return document.Object{{Name: "schedules", Value: list}}
}
