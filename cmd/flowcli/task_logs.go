package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// followPause is how long `task logs --follow` waits for a call's end before it
// looks whether an attempt before that is over.
const followPause = time.Second

func newTaskLogs(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs [ID]",
		Short: "Print what a call has printed",
		Long: `Print what a call has printed, attempt after attempt. With --follow it goes on
until the call has ended; what an attempt printed is shown when it is over.`,
		Example: `flowcli task logs 0193a1b2-c3d4-7001-8f00-0123456789ab
flowcli task logs 0193a1b2-c3d4-7001-8f00-0123456789ab --attempt 2
flowcli task logs 0193a1b2-c3d4-7001-8f00-0123456789ab -f`,
	}
	attempt := cmd.Flags().Uint32("attempt", 0, "only this attempt (default all that are kept, the last 16)")
	follow := cmd.Flags().Bool("follow", false, "go on until the call has ended")
	argv.Short(cmd.Flags(), "follow", "f")
	takesID(cmd, "call", func(cmd *cobra.Command, id string) error {
		net, err := c.connectToLook()
		if err != nil {
			return err
		}
		if *follow && !c.structured() {
			return c.followLogs(cmd.Context(), net, id, *attempt)
		}
		logs, err := net.Logs(cmd.Context(), id, *attempt)
		if err != nil {
			return err
		}
		if c.structured() {
			return c.write(logsDocument(logs))
		}
		c.printLogs(logs, 0)
		return nil
	})
	return cmd
}

// followLogs prints what attempts have printed as each is over.
func (c *cli) followLogs(ctx context.Context, net *client.Client, id string, attempt uint32) error {
	var last uint32
	for {
		logs, err := net.Logs(ctx, id, attempt)
		if err != nil {
			return err
		}
		last = c.printLogs(logs, last)
		if ended(logs.Call.State) {
			return nil
		}
		if _, err := net.Result(ctx, id, followPause); err != nil {
			return err
		}
	}
}

func ended(state string) bool {
	switch state {
	case "finished", "failed", "cancelled", "expired":
		return true
	}
	return false
}

// printLogs prints the logs of attempts after one, under a line that says which
// attempt it is if there is more than one. It gives the last.
func (c *cli) printLogs(logs *messages.LogsResponse, after uint32) (last uint32) {
	last = after
	for _, l := range logs.Logs {
		if l.Attempt <= after {
			continue
		}
		if last = l.Attempt; logs.Call.Attempts > 1 {
			c.notef("attempt %d", l.Attempt)
		}
		fmt.Fprint(c.out, l.Text)
		if !strings.HasSuffix(l.Text, "\n") {
			fmt.Fprintln(c.out)
		}
	}
	return last
}

func logsDocument(logs *messages.LogsResponse) document.Object {
	list := []document.Object{}
	for _, l := range logs.Logs {
		list = append(list, document.Object{{Name: "attempt", Value: l.Attempt}, {Name: "text", Value: l.Text}})
	}
	return document.Object{{Name: "id", Value: logs.Call.Id}, {Name: "state", Value: stateOf(logs.Call)}, {Name: "logs", Value: list}}
}
