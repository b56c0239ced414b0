package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// newLsDead lists dead letters.
func newLsDead(c *cli) *cobra.Command {
	f := &deadFilter{}
	cmd := &cobra.Command{
		Use:     "dead",
		Short:   "List dead letters: calls that failed or expired, messages of which no call was made",
		Example: "flowcli ls dead\nflowcli ls dead --socket pyfi.processors.sample.do_this --type ValueError --since 1h",
		Args:    noArguments,
	}
	f.define(c, cmd)
	rows := cmd.Flags().Int("rows", defaultRows, "rows of a page, at most 256")
	page := cmd.Flags().Int("page", 1, "page to show")
	argv.Short(cmd.Flags(), "rows", "r")
	argv.Short(cmd.Flags(), "page", "p")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *page < 1 || *rows < 1 || *rows > messages.MaxDead {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "pages count from 1, and a page has 1 to %d rows", messages.MaxDead)
		}
		return c.listDead(cmd.Context(), f.request(*rows), *page)
	}
	return cmd
}

func (c *cli) listDead(ctx context.Context, request *messages.ListDeadRequest, page int) error {
	net, err := c.connectToLook()
	if err != nil {
		return err
	}
	found, err := net.ListDead(ctx, request)
	for n := 1; n < page && err == nil; n++ {
		if request.PageToken = found.NextPageToken; request.PageToken == "" {
			found = &messages.ListDeadResponse{}
			break
		}
		found, err = net.ListDead(ctx, request)
	}
	if err != nil {
		return err
	}
	if c.structured() {
		list := []document.Object{}
		for _, l := range found.Letters {
			list = append(list, deadDocument(l))
		}
		return c.write(document.Object{{Name: "dead", Value: list}, {Name: "page", Value: page}, {Name: "more", Value: found.NextPageToken != ""}})
	}
	var rows [][]string
	for _, l := range found.Letters {
		rows = append(rows, []string{l.Call.Socket, l.Call.Id, clock(l.Died), l.Call.GetError().GetType(), firstLine(l.Call.GetError().GetMessage()), kindOfLetter(l), yesNo(l.Edited)})
	}
	if err := c.table([]string{"Socket", "ID", "Died", "Type", "Reason", "What", "Edited"}, rows); err != nil {
		return err
	}
	if found.NextPageToken != "" {
		c.notef("there are more: --page %d", page+1)
	}
	return nil
}

func kindOfLetter(l *messages.DeadInfo) string {
	if l.Message {
		return "message"
	}
	return "call"
}

// deadDocument is a dead letter for programs.
func deadDocument(l *messages.DeadInfo) document.Object {
	return document.Object{
		{Name: "id", Value: l.Call.Id},
		{Name: "died", Value: clock(l.Died)},
		{Name: "what", Value: kindOfLetter(l)},
		{Name: "edited", Value: l.Edited},
		{Name: "call", Value: callDocument(l.Call)},
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
