package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/cmd/flowcli/literal"
	"github.com/elasticcode/flow/messages"
)

// newTask is the verb that runs tasks and tells of their calls.
func newTask(c *cli) *cobra.Command {
	return verbOf("task", "Run a task, get results",
		"Run a task through its socket, get the result of a call, show or cancel a call.",
		newTaskRun(c), newTaskResult(c), newTaskShow(c), newTaskLogs(c), newTaskCancel(c), newTaskCode(c))
}

func newTaskRun(c *cli) *cobra.Command {
	f := &callFlags{}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run a task and print its result",
		Long: `Run a task and print its result: a string as it is, all else as JSON.

The data is JSON, else a Python literal, else it is taken as a string. A list is
spread over the function's positional arguments, an object over its named ones,
anything else is the one argument; to send a list or an object as one argument,
put it in a list. Without --data the data comes from stdin, unless that is a
terminal or empty: then there are no arguments.`,
		Example: `flowcli task run --socket pyfi.processors.sample.do_this --data "['some data']"
flowcli task run -s pyfi.processors.sample.add_two -d '{"one": 2, "two": 3}'
echo "HI THERE!" | flowcli task run -s pyfi.processors.sample.do_something
flowcli task run -s pyfi.processors.sample.do_this -d later --no-wait
flowcli task run -s pyfi.processors.sample.add_two --argument one=5 --no-wait`,
		Args: noArguments,
	}
	socket := cmd.Flags().String("socket", "", "name or ID of the socket [required]")
	data := cmd.Flags().String("data", "", "arguments: JSON, a Python literal or text (default stdin)")
	arguments := cmd.Flags().StringArray("argument", nil, "NAME=DATA: one argument for the socket's gate, where it waits for the others")
	argv.Short(cmd.Flags(), "socket", "s")
	argv.Short(cmd.Flags(), "data", "d")
	f.define(cmd)
	c.completeFields(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *socket == "" {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "it needs -s/--socket").WithHint("flowcli ls sockets")
		}
		if len(*arguments) > 0 {
			return c.toGate(cmd, *socket, *arguments, f)
		}
		request := &messages.RunRequest{Socket: *socket}
		given, err := c.data(cmd, *data)
		if err != nil {
			return err
		}
		request.Data = given
		return c.call(cmd.Context(), request, f)
	}
	return cmd
}

// toGate sends one argument to the gate of a socket.
func (c *cli) toGate(cmd *cobra.Command, socket string, arguments []string, f *callFlags) error {
	if cmd.Flag("data").Changed || len(arguments) > 1 {
		return messages.Errorf(messages.Invalid, cmd.CommandPath(), "--argument", "a gate takes one argument at a time, and no --data").
			WithHint("send them one after the other with --no-wait, or all at once with --data '{\"NAME\": VALUE, …}'")
	}
	name, text, ok := strings.Cut(arguments[0], "=")
	if !ok || name == "" {
		return messages.Errorf(messages.Invalid, cmd.CommandPath(), "--argument "+arguments[0], "it must be NAME=DATA")
	}
	value, err := literal.Data(text)
	if err != nil {
		return err
	}
	return c.call(cmd.Context(), &messages.RunRequest{Socket: socket, Named: map[string]string{name: value}, ToGate: true}, f)
}

// data is the JSON text to send, or nil for no arguments.
func (c *cli) data(cmd *cobra.Command, flag string) (*string, error) {
	if !cmd.Flag("data").Changed {
		text, given, err := c.stdin(cmd.Context())
		if err != nil || !given {
			return nil, err
		}
		flag = text
	}
	text, err := literal.Data(flag)
	return &text, err
}

func newTaskResult(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "result ID",
		Short:   "Wait for a call's end and print its result",
		Example: "flowcli task result 0193a1b2-c3d4-7001-8f00-0123456789ab --timeout 30s",
	}
	timeout := &durationValue{bare: second}
	cmd.Flags().Var(timeout, "timeout", "how long to wait for the result; a bare number is seconds (default as long as it takes)")
	takesID(cmd, "call", func(cmd *cobra.Command, id string) error {
		net, err := c.connect()
		if err != nil {
			return err
		}
		call, err := c.waitFor(cmd.Context(), &waiting{c: c, net: net, id: id}, timeout.time, func(ctx context.Context) (*messages.CallInfo, error) {
			return net.Result(ctx, id, timeout.time)
		})
		if err != nil {
			return err
		}
		return c.ended(call)
	})
	return cmd
}

func newTaskShow(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show a call: arguments, events, result, log",
		Example: "flowcli task show 0193a1b2-c3d4-7001-8f00-0123456789ab",
	}
	takesID(cmd, "call", func(cmd *cobra.Command, id string) error {
		return c.showCall(cmd.Context(), id, callParts{result: true, arguments: true, log: true})
	})
	return cmd
}

func newTaskCancel(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "cancel ID",
		Short:   "Cancel a call that has not ended, and print the state that it reached",
		Example: "flowcli task cancel 0193a1b2-c3d4-7001-8f00-0123456789ab --reason \"not needed\"",
	}
	reason := cmd.Flags().String("reason", "", "why, for the call's history")
	takesID(cmd, "call", func(cmd *cobra.Command, id string) error {
		net, err := c.connect()
		if err != nil {
			return err
		}
		call, err := net.Cancel(cmd.Context(), id, *reason)
		if err != nil {
			return err
		}
		if c.structured() {
			return c.write(callDocument(call))
		}
		c.notef("call %s is %s", call.Id, stateOf(call))
		return nil
	})
	return cmd
}

// acceptedDocument is what is known of a call that nobody waits for.
func acceptedDocument(r *messages.SubmitResponse) document.Object {
	return document.Object{
		{Name: "id", Value: r.Id},
		{Name: "state", Value: lower(r.State)},
		{Name: "duplicate", Value: r.Duplicate},
		{Name: "dropped", Value: r.Dropped},
	}
}
