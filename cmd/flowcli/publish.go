package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// newPublish is the verb that sends data to a queue.
func newPublish(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "publish [QUEUE]",
		Short: "Send data to the sockets of a queue",
		Long: `Send data to the sockets of a queue that take its routing key: to all of them,
or to none. Each gets a call of its own; what is printed is their tracking, the
ID of the publish, whose result names the calls.

A fanout queue sends to all its sockets. A direct queue sends to those whose
binding is the routing key; the binding of a socket that has none is its name,
and a queue of one socket needs no key. A topic queue sends to those whose
binding matches the key: * stands for one word, # for any number of them.

The data is read as by task run.`,
		Example: `flowcli publish -q pyfi.events -k eu.orders.new -d '{"message": "order 7"}'
flowcli publish pyfi.everybody -d "some data"
echo "some data" | flowcli publish -q pyfi.queue1 -k pyfi.processors.sample.do_this --wait-for-room`,
		Args:              queueOnly,
		ValidArgsFunction: c.completeNames(messages.Kind_KIND_QUEUE),
	}
	request := &messages.PublishRequest{}
	timeout := &durationValue{bare: second}
	flags := cmd.Flags()
	flags.StringVar(&request.Queue, "queue", "", "name or ID of the queue [required]")
	flags.StringVar(&request.RoutingKey, "key", "", "routing key: words separated by dots")
	data := flags.String("data", "", "arguments: JSON, a Python literal or text (default stdin)")
	flags.StringVar(&request.Id, "id", "", "key of the publish: the same key sent again is the same publish")
	flags.Int32Var(&request.Priority, "priority", 0, "higher runs first")
	flags.BoolVar(&request.WaitFull, "wait-for-room", false, "while a mailbox is full wait, rather than be refused")
	flags.Var(timeout, "timeout", "how long to wait for room; a bare number is seconds (default as long as it takes)")
	for long, short := range map[string]string{"queue": "q", "key": "k", "data": "d", "id": "i"} {
		argv.Short(flags, long, short)
	}
	c.completeFields(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 && request.Queue != "" {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), args[0], "the queue is named twice")
		}
		if len(args) > 0 {
			request.Queue = args[0]
		}
		if request.Queue == "" {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "it needs -q/--queue").WithHint("flowcli ls queues")
		}
		var err error
		if request.Data, err = c.data(cmd, *data); err != nil {
			return err
		}
		request.Timeout = timeout.time.Milliseconds()
		ctx, cancel := timeout.bound(cmd.Context())
		defer cancel()
		return c.publish(ctx, request)
	}
	return cmd
}

// queueOnly lets the queue's name stand without a flag. The data may not: after
// the name, people could mean the routing key by it.
func queueOnly(cmd *cobra.Command, args []string) error {
	if len(args) < 2 {
		return nil
	}
	return messages.Errorf(messages.Invalid, cmd.CommandPath(), args[1], "only the name of the queue stands without a flag").
		WithHint("the data is given with -d, the routing key with -k")
}

func (c *cli) publish(ctx context.Context, request *messages.PublishRequest) (err error) {
	net, err := c.connect()
	if err != nil {
		return err
	}
	request.Owner = c.owner()
	key := request.Id
	if request.Id == "" {
		if request.Id, err = client.NewKey(); err != nil {
			return err
		}
	}
	published, err := net.Publish(ctx, request)
	if err != nil {
		return resumable(err, request.Id)
	}
	if published.Duplicate {
		c.sentBefore(key, "publish "+published.Id)
	}
	if c.structured() {
		return c.write(publishedDocument(published))
	}
	for _, call := range published.Calls {
		c.notef("call %s: to socket %s", call.Id, call.Socket)
	}
	_, err = fmt.Fprintln(c.out, published.Id)
	return err
}

func publishedDocument(p *messages.PublishResponse) document.Object {
	calls := []document.Object{}
	for _, call := range p.Calls {
		calls = append(calls, document.Object{{Name: "socket", Value: call.Socket}, {Name: "id", Value: call.Id}})
	}
	return document.Object{
		{Name: "id", Value: p.Id},
		{Name: "calls", Value: calls},
		{Name: "duplicate", Value: p.Duplicate},
	}
}
