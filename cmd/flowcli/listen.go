package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/client"
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
is where modules are looked for first. A function that raises, or takes longer for
a message than --adaptor-timeout, ends it all; what it has not taken does not
count.`,
		Example: `flowcli listen --name proc1 --channel task
flowcli listen -n pyfi.queue1.proc1 -c '*' --since 10m --count 100
flowcli listen -n proc1 -c output -a my.module.MyClass.process`,
		Args: noArguments,
	}
	name := cmd.Flags().String("name", "", "name of a socket, a processor or a queue, or QUEUE.PROCESSOR; * is everything [required]")
	channel := cmd.Flags().StringSlice("channel", nil, "task, log, output, lifecycle or * [required]")
	path := cmd.Flags().String("adaptor", "", "Python function that gets each message: module.Class.method or module.function")
	limit := &durationValue{bare: second, time: adaptorLimit}
	cmd.Flags().Var(limit, "adaptor-timeout", "how long the adaptor may take for one message; a bare number is seconds (default 1m)")
	tracking := cmd.Flags().String("tracking", "", "only calls of this run")
	count := cmd.Flags().Int("count", 0, "end after this many messages (default never)")
	since := &durationValue{bare: second}
	cmd.Flags().Var(since, "since", "begin with what has happened in this time; a bare number is seconds (default from now on)")
	argv.Short(cmd.Flags(), "name", "n")
	argv.Short(cmd.Flags(), "channel", "c")
	c.register(cmd, "name", c.completeHeard)
	c.register(cmd, "channel", cobra.FixedCompletions([]string{"task", "log", "output", "lifecycle", "*"}, cobra.ShellCompDirectiveNoFileComp))
	argv.Short(cmd.Flags(), "adaptor", "a")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *name == "" || len(*channel) == 0 {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "it needs -n/--name and -c/--channel").
				WithHint("flowcli listen -n '*' -c '*' shows everything")
		}
		if cmd.Flag("count").Changed && *count < 1 {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), fmt.Sprintf("--count %d", *count), "it must be 1 or more").
				WithHint("without --count it never ends")
		}
		if cmd.Flag("adaptor").Changed && *path == "" {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), "--adaptor", "it names no function").
				WithHint("--adaptor my.module.Class.method; without it messages are printed")
		}
		request := &messages.ListenRequest{Name: *name, Tracking: *tracking}
		if !slices.Contains(*channel, "*") {
			request.Channels = *channel
		}
		if since.time > 0 {
			request.Since = time.Now().Add(-since.time).UnixMicro()
		}
		if *path == "" {
			return c.listen(cmd.Context(), request, *count, c.line)
		}
		return c.adapt(cmd.Context(), request, *count, &adaptor{path: *path, slow: adaptorSlow, limit: limit.time, notef: c.notef})
	}
	return cmd
}

// errEnough ends listening when as many messages came as were asked for.
var errEnough = errors.New("enough")

// line prints a message.
func (c *cli) line(text []byte) error {
	_, err := fmt.Fprintf(c.out, "%s\n", text)
	return err
}

// adapt listens for an adaptor, as long as that takes what there is.
func (c *cli) adapt(ctx context.Context, request *messages.ListenRequest, count int, a *adaptor) error {
	if err := a.start(ctx, c.out, notes{c}); err != nil {
		return err
	}
	listening, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // until close: it ends also while there is nothing to take
		<-a.ended
		stop()
	}()
	err := c.listen(listening, request, count, a.take)
	ended := a.close()
	if ctx.Err() == nil && listening.Err() != nil && errors.Is(err, context.Canceled) {
		return ended
	}
	return cmp.Or(err, ended)
}

// listen gives messages to take until as many were taken as were asked for.
func (c *cli) listen(ctx context.Context, request *messages.ListenRequest, count int, take func([]byte) error) error {
	net, err := c.connect()
	if err != nil {
		return err
	}
	taken := 0
	err = net.Listen(ctx, request, func(n *messages.Notice) error {
		if n.State == client.Listening {
			c.notef("Listening to %s", request.Name)
			return nil
		}
		if n.Dropped > 0 {
			c.notef("dropped %d", n.Dropped)
		}
		line, err := json.Marshal(noticeOf(n))
		if err != nil {
			return err
		}
		if err := take(line); err != nil {
			return err
		}
		if taken++; taken == count {
			return errEnough
		}
		return nil
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
