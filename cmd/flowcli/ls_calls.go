package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

const (
	defaultRows   = 10  // calls that a page shows
	maxResultRows = 100 // calls that a page may have when their results come along
)

// show is the value of a flag that stands alone: show that column, or only the
// ids. No object has this name, since a name has no control characters.
const show = "\x00show"

// callsFlags are what `ls calls` takes.
type callsFlags struct {
	page, rows         int
	unfinished, ascend bool
	id, tracking, task string
	socket             string
	states             []string
}

func newLsCalls(c *cli) *cobra.Command {
	f := &callsFlags{}
	cmd := &cobra.Command{
		Use:   "calls",
		Short: "List calls, newest first",
		Long: `List calls, newest first, a page at a time.

-i, -t and -tk may stand alone: -i prints only the ids, -t and -tk add a column
with the run and with the function.

What waits at a gate for its other arguments is no call yet and is not listed: a
line below the table counts it ("at_gates" in JSON; at most 1,000 of a
partition), "flowcli ls gates" shows where, "flowcli ls call ID" shows one.`,
		Example: `flowcli ls calls
flowcli ls calls -p 2 -r 20 -u
flowcli ls calls -s pyfi.processors.sample.do_this --state failed
flowcli ls calls -t 0193a1b2-c3d4-7001-8f00-0123456789ab`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listCalls(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.page, "page", 1, "page to show")
	flags.IntVar(&f.rows, "rows", defaultRows, "rows of a page, at most 1000")
	flags.BoolVar(&f.unfinished, "unfinished", false, "only calls that have not ended")
	flags.BoolVar(&f.ascend, "ascend", false, "oldest first")
	flags.StringVar(&f.id, "id", "", "only the call with this ID; alone: print only the IDs")
	flags.StringVar(&f.tracking, "tracking", "", "only calls of this run; alone: show the run")
	flags.StringVar(&f.task, "task", "", "only calls of this task; alone: show the function")
	flags.StringVar(&f.socket, "socket", "", "only calls of this socket")
	flags.StringSliceVar(&f.states, "state", nil, "only calls in these states")
	for long, short := range map[string]string{"page": "p", "rows": "r", "unfinished": "u", "ascend": "a", "id": "i", "tracking": "t", "task": "tk", "socket": "s"} {
		argv.Short(flags, long, short)
	}
	for _, long := range []string{"id", "tracking", "task"} {
		argv.Optional(flags, long, show)
	}
	c.completeFields(cmd)
	return cmd
}

func (c *cli) listCalls(ctx context.Context, f *callsFlags) error {
	if f.page < 1 || f.rows < 1 || f.rows > messages.MaxPageRows {
		return messages.Errorf(messages.Invalid, "list calls", "", "pages count from 1, and a page has 1 to %d rows", messages.MaxPageRows)
	}
	if c.structured() && f.rows > maxResultRows {
		return messages.Errorf(messages.Invalid, "list calls", "", "a page as %s has results in it, and so at most %d rows", c.output, maxResultRows)
	}
	net, err := c.connectToLook()
	if err != nil {
		return err
	}
	found, err := c.findCalls(ctx, net, f)
	if err != nil {
		return err
	}
	switch {
	case c.structured():
		return c.write(callsDocument(found, f))
	case f.id == show:
		for _, call := range found.Calls {
			fmt.Fprintln(c.out, call.Id)
		}
		return nil
	}
	return c.callsTable(ctx, found, f)
}

func (c *cli) findCalls(ctx context.Context, net *client.Client, f *callsFlags) (*messages.ListCallsResponse, error) {
	if f.id != "" && f.id != show {
		call, err := net.GetCall(ctx, f.id, false)
		if err != nil {
			return nil, err
		}
		return &messages.ListCallsResponse{Calls: []*messages.CallInfo{call}, Total: 1}, nil
	}
	request := &messages.ListCallsRequest{
		Socket: f.socket, States: f.states, Unfinished: f.unfinished, Ascend: f.ascend,
		Rows: int32(f.rows), Page: int32(f.page), Results: c.structured(),
	}
	if f.tracking != show {
		request.Tracking = f.tracking
	}
	if f.task != "" && f.task != show {
		socket, err := socketOfTask(ctx, net, f.task)
		if err != nil {
			return nil, err
		}
		request.Socket = socket
	}
	return net.ListCalls(ctx, request)
}

// socketOfTask finds the one socket in front of a task, since calls are kept
// by socket. A task is named by its name, its id, or its function alone.
func socketOfTask(ctx context.Context, net *client.Client, task string) (string, error) {
	var sockets []string
	tasks := map[string]bool{task: true}
	_, err := everyObject(ctx, net, &messages.ListRequest{Kind: messages.Kind_KIND_TASK}, maxNames, func(o *messages.Object) {
		if o.Name == task {
			tasks[o.Id] = true
		}
	})
	if err != nil {
		return "", err
	}
	_, err = everyObject(ctx, net, &messages.ListRequest{Kind: messages.Kind_KIND_SOCKET}, maxNames, func(o *messages.Object) {
		if s := o.GetSocket(); tasks[s.GetTask()] || s.GetFunction() == task {
			sockets = append(sockets, o.Name)
		}
	})
	switch {
	case err != nil:
		return "", err
	case len(sockets) == 0:
		return "", messages.Errorf(messages.NotFound, "list calls", "task "+task, "no socket stands in front of it").
			WithHint("flowcli ls sockets")
	case len(sockets) > 1:
		return "", messages.Errorf(messages.Invalid, "list calls", "task "+task, "several sockets stand in front of it: %v", sockets).
			WithHint("name one with --socket")
	}
	return sockets[0], nil
}

func (c *cli) callsTable(ctx context.Context, found *messages.ListCallsResponse, f *callsFlags) error {
	header := append([]string{"Page", "Row"}, callHeader...)
	if f.tracking != "" {
		header = append(header, "Tracking")
	}
	functions := map[string]string{}
	if f.task != "" {
		header = append(header, "Task")
		_, err := everyObject(ctx, c.network, &messages.ListRequest{Kind: messages.Kind_KIND_SOCKET}, maxNames, func(o *messages.Object) {
			functions[o.Name], functions[o.Id] = o.GetSocket().GetFunction(), o.GetSocket().GetFunction()
		})
		if err != nil {
			return err
		}
	}
	var rows [][]string
	for i, call := range found.Calls {
		row := append([]string{strconv.Itoa(f.page), strconv.Itoa((f.page-1)*f.rows + i + 1)}, callRow(call)...)
		if f.tracking != "" {
			row = append(row, call.Tracking)
		}
		if f.task != "" {
			row = append(row, functions[call.Socket])
		}
		rows = append(rows, row)
	}
	if err := c.table(header, rows); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(c.out, pageLine(f.page, f.rows, found.Total)); err != nil {
		return err
	}
	if found.AtGates > 0 {
		_, err := fmt.Fprintf(c.out, "Not listed: %d messages that wait at gates for others, and are no calls yet; see: flowcli ls gates\n", found.AtGates)
		return err
	}
	return nil
}

// callHeader and callRow are the columns that every table of calls has.
var callHeader = []string{"Name", "ID", "Owner", "Last Updated", "Socket", "Started", "Finished", "State"}

func callRow(call *messages.CallInfo) []string {
	return []string{call.Name, call.Id, call.Owner, clock(call.Lastupdated), call.Socket, clock(call.Started), clock(call.Finished), stateOf(call)}
}

func callsDocument(found *messages.ListCallsResponse, f *callsFlags) document.Object {
	calls := []document.Object{}
	for _, call := range found.Calls {
		calls = append(calls, callDocument(call))
	}
	return document.Object{
		{Name: "calls", Value: calls},
		{Name: "page", Value: f.page},
		{Name: "pages", Value: max(1, (found.Total+int64(f.rows)-1)/int64(f.rows))},
		{Name: "rows", Value: f.rows},
		{Name: "total", Value: found.Total},
		{Name: "at_gates", Value: found.AtGates},
	}
}
