package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/messages"
)

func newLsCall(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "call [ID]",
		Short: "Show a call: where it came from, and what happened to it",
		Long: `Show a call: where it came from, and what happened to it. With --name the
latest call of that name is shown.`,
		Example: `flowcli ls call --id 0193a1b2-c3d4-7001-8f00-0123456789ab -r
flowcli ls call -n pyfi.processors.sample.do_this
flowcli ls call --id 0193a1b2-c3d4-7001-8f00-0123456789ab --tree
flowcli ls call 0193a1b2-c3d4-7001-8f00-0123456789ab --flow
flowcli -o json ls call --id 0193a1b2-c3d4-7001-8f00-0123456789ab`,
		Args: atMostOne,
	}
	nameFlags(cmd, "call")
	result := cmd.Flags().Bool("result", false, "include the result of the call")
	argv.Short(cmd.Flags(), "result", "r")
	tree := cmd.Flags().Bool("tree", false, "draw the calls that it caused")
	argv.Short(cmd.Flags(), "tree", "t")
	graph := cmd.Flags().Bool("graph", false, "draw all calls of its run")
	argv.Short(cmd.Flags(), "graph", "g")
	flow := cmd.Flags().Bool("flow", false, "draw the sockets of its workflow, or of its run, and list their calls")
	argv.Short(cmd.Flags(), "flow", "f")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := c.callNamed(cmd, args)
		if err != nil {
			return err
		}
		switch {
		case *flow:
			return c.showFlow(cmd.Context(), id)
		case *tree || *graph:
			return c.drawCalls(cmd.Context(), id, *graph)
		}
		return c.showCall(cmd.Context(), id, callParts{result: *result})
	}
	return cmd
}

// callNamed is the id of the call that is meant. A name is that of many calls;
// the latest is meant.
func (c *cli) callNamed(cmd *cobra.Command, args []string) (string, error) {
	name, err := named(cmd, args)
	if err != nil || !cmd.Flag("name").Changed {
		return name, err
	}
	net, err := c.connectToLook()
	if err != nil {
		return "", err
	}
	latest, err := net.ListCalls(cmd.Context(), &messages.ListCallsRequest{Socket: name, Rows: 1, Page: 1})
	if err != nil {
		return "", err
	}
	if len(latest.Calls) == 0 {
		return "", messages.Errorf(messages.NotFound, "show call", name, "there is no call of that name").WithHint("flowcli ls calls")
	}
	return latest.Calls[0].Id, nil
}

// callParts are the parts of a call that are shown when asked for.
type callParts struct{ result, arguments, log bool }

func (c *cli) showCall(ctx context.Context, id string, parts callParts) error {
	net, err := c.connectToLook()
	if err != nil {
		return err
	}
	call, err := net.GetCall(ctx, id, parts.arguments)
	if err != nil {
		return err
	}
	if c.structured() {
		return c.write(callDocument(call))
	}
	if err := c.callTables(call); err != nil {
		return err
	}
	c.callTexts(call, parts)
	return nil
}

func (c *cli) callTables(call *messages.CallInfo) error {
	if err := c.table(callHeader, [][]string{callRow(call)}); err != nil {
		return err
	}
	err := c.titled("Provenance",
		[]string{"Task", "Task Parent", "Flow Parent", "Tracking", "Parent"},
		[][]string{{call.Id, call.Taskparent, call.Flowparent, call.Tracking, call.Parent}})
	if err != nil {
		return err
	}
	var rows [][]string
	for i, e := range call.Events {
		rows = append(rows, []string{e.Name, strconv.Itoa(i + 1), call.Owner, clock(e.Time), noteOf(call, e), attempt(e.Attempt), e.Node})
	}
	return c.titled("Events", []string{"Name", "ID", "Owner", "Last Updated", "Note", "Attempt", "Node"}, rows)
}

// noteOf tells an event in words. What is the same for every call is not kept
// with each: it is said here.
func noteOf(call *messages.CallInfo, e *messages.Event) string {
	said := map[string]string{"received": "Received task " + call.Name, "prerun": "Prerun for task " + call.Name, "postrun": "Postrun for task"}[e.Name]
	if said != "" && e.Note != "" {
		said += ": "
	}
	return said + e.Note
}

// attempt writes an attempt's number; events before the first have none.
func attempt(n uint32) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(n), 10)
}

// callTexts prints below the tables what is too long for one.
func (c *cli) callTexts(call *messages.CallInfo, parts callParts) {
	section := func(title, text string) {
		if text != "" {
			fmt.Fprintf(c.out, "%s\n%s\n", title, strings.TrimRight(text, "\n"))
		}
	}
	section("Waiting", call.Waiting)
	section("Attempts", attemptsText(call))
	section("Parents", strings.Join(call.Parents, "\n"))
	section("Part of call", call.Joined)
	if parts.log {
		section("Commit", call.Commit)
	}
	if parts.arguments && call.Arguments != nil {
		section("Arguments", argumentsText(call.Arguments))
	}
	if parts.result && call.Result != nil {
		section("Result", call.GetResult())
	}
	if parts.result && call.Output != nil {
		section("Output", call.GetOutput())
	}
	if call.Error != nil {
		section("Error", failureText(call.Error))
	}
	if parts.log {
		section("Log", call.Log)
	}
}

// argumentsText writes arguments as they stand between a call's parentheses.
func argumentsText(a *messages.Arguments) string {
	var list []string
	for _, value := range a.Positional {
		list = append(list, string(value))
	}
	for _, value := range a.Named {
		list = append(list, value.Name+"="+string(value.Value))
	}
	return strings.Join(list, ", ")
}

// failureText is a failure as people read it.
func failureText(f *messages.Failure) string {
	text := f.Type
	if f.Message != "" {
		text = strings.TrimPrefix(text+": "+f.Message, ": ")
	}
	if f.Traceback != "" {
		text += "\n" + strings.TrimRight(f.Traceback, "\n")
	}
	return text
}
