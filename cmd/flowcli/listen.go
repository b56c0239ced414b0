package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/messages"
)

// newListen is the verb that shows what happens.
func newListen(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Show what happens to calls, as it happens",
		Long: `Show what happens to calls, as it happens: one JSON object a line.

Channels: task (a call was received, is running, has ended), log (what an attempt
has printed, when it is over), output (results), lifecycle (the status of
processors), * for all. A listener that reads too slowly is told how many
messages it has missed, and holds up nobody.

With --adaptor each message is given to a Python function: to a method of a class,
of which one object is made, or to a function of a module. The current directory
is where modules are looked for first.`,
		Example: `flowcli listen --name proc1 --channel task
flowcli listen -n pyfi.queue1.proc1 -c '*' --since 10m --count 100
flowcli listen -n proc1 -c output -a my.module.MyClass.process`,
		Args: noArguments,
	}
	name := cmd.Flags().String("name", "", "name of a socket, a processor or a queue, or QUEUE.PROCESSOR; * is everything [required]")
	channel := cmd.Flags().StringSlice("channel", nil, "task, log, output, lifecycle or * [required]")
	adaptor := cmd.Flags().String("adaptor", "", "Python function that gets each message: module.Class.method or module.function")
	tracking := cmd.Flags().String("tracking", "", "only calls of this run")
	count := cmd.Flags().Int("count", 0, "end after this many messages (default never)")
	since := &durationValue{bare: second}
	cmd.Flags().Var(since, "since", "begin with what has happened in this time; a bare number is seconds (default from now on)")
	argv.Short(cmd.Flags(), "name", "n")
	argv.Short(cmd.Flags(), "channel", "c")
	argv.Short(cmd.Flags(), "adaptor", "a")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *name == "" || len(*channel) == 0 {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "it needs -n/--name and -c/--channel").
				WithHint("flowcli listen -n '*' -c '*' shows everything")
		}
		request := &messages.ListenRequest{Name: *name, Tracking: *tracking}
		if !slices.Contains(*channel, "*") {
			request.Channels = *channel
		}
		if since.time > 0 {
			request.Since = time.Now().Add(-since.time).UnixMicro()
		}
		return c.listen(cmd.Context(), request, *adaptor, *count)
	}
	return cmd
}

// errEnough ends listening when as many messages came as were asked for.
var errEnough = errors.New("enough")

func (c *cli) listen(ctx context.Context, request *messages.ListenRequest, adaptor string, count int) error {
	net, err := c.connect()
	if err != nil {
		return err
	}
	take := func(line []byte) error {
		_, err := fmt.Fprintf(c.out, "%s\n", line)
		return err
	}
	if adaptor != "" {
		to, err := startAdaptor(ctx, adaptor, c.out, c.err)
		if err != nil {
			return err
		}
		defer to.close()
		take = to.take
	}
	c.notef("Listening to %s", request.Name)
	heard := 0
	err = net.Listen(ctx, request, func(n *messages.Notice) error {
		if n.Dropped > 0 {
			c.notef("dropped %d", n.Dropped)
		}
		line, err := json.Marshal(noticeOf(n))
		if err == nil {
			err = take(line)
		}
		if heard++; err == nil && heard == count {
			return errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// notice is a message of a channel, with the names that listeners know.
type notice struct {
	Channel   string `json:"channel"`
	State     string `json:"state"`
	Date      string `json:"date"`
	Room      string `json:"room"`
	Module    string `json:"module,omitempty"`
	Task      string `json:"task,omitempty"`
	Socket    string `json:"socket,omitempty"`
	Resultkey string `json:"resultkey,omitempty"`
	Tracking  string `json:"tracking,omitempty"`
	Attempt   uint32 `json:"attempt,omitempty"`
	Outcome   string `json:"outcome,omitempty"`
	Node      string `json:"node,omitempty"`
	Message   string `json:"message,omitempty"`
	Dropped   int64  `json:"dropped,omitempty"`
}

func noticeOf(n *messages.Notice) notice {
	return notice{Channel: n.Channel, State: n.State, Date: clock(n.Date), Room: n.Room, Module: n.Module, Task: n.Task, Socket: n.Socket,
		Resultkey: n.Call, Tracking: n.Tracking, Attempt: n.Attempt, Outcome: n.Outcome, Node: n.Node, Message: n.Message, Dropped: n.Dropped}
}
