package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

func newTaskLogs(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs [ID]",
		Short: "Print what a call has printed",
		Long: `Print what a call has printed, attempt after attempt. With --follow it goes on
until the call has ended, and shows what the running attempt prints as it comes.
Who reads too slowly is told how many bytes are missing.`,
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
		c.printLogs(logs)
		return nil
	})
	return cmd
}

// followLogs prints what attempts have printed, and what the running one
// prints as it comes.
func (c *cli) followLogs(ctx context.Context, net *client.Client, id string, attempt uint32) error {
	last, open := uint32(0), false
	begin := func(n uint32) {
		if open {
			fmt.Fprintln(c.out)
		}
		if n > 1 || last > 0 {
			c.notef("attempt %d", n)
		}
		last, open = n, false
	}
	_, err := net.Follow(ctx, id, attempt, func(p *messages.LogPiece) error {
		if p.Attempt != last {
			begin(p.Attempt)
		}
		if p.Dropped > 0 {
			c.notef("dropped %d bytes", p.Dropped)
		}
		_, err := fmt.Fprint(c.out, p.Text)
		open = !strings.HasSuffix(p.Text, "\n")
		return err
	})
	if open {
		fmt.Fprintln(c.out)
	}
	return err
}

// printLogs prints the logs of attempts, under a line that says which attempt it
// is if there is more than one.
func (c *cli) printLogs(logs *messages.LogsResponse) {
	for _, l := range logs.Logs {
		if logs.Call.Attempts > 1 {
			c.notef("attempt %d", l.Attempt)
		}
		fmt.Fprint(c.out, l.Text)
		if !strings.HasSuffix(l.Text, "\n") {
			fmt.Fprintln(c.out)
		}
	}
}

func logsDocument(logs *messages.LogsResponse) document.Object {
	list := []document.Object{}
	for _, l := range logs.Logs {
		list = append(list, document.Object{{Name: "attempt", Value: l.Attempt}, {Name: "text", Value: l.Text}})
	}
	return document.Object{{Name: "id", Value: logs.Call.Id}, {Name: "state", Value: stateOf(logs.Call)}, {Name: "logs", Value: list}}
}
