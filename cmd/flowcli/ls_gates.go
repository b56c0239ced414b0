package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// newLsGates shows what sockets hold while some of their arguments have arrived
// and others have not.
func newLsGates(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "gates [SOCKET]",
		Aliases: []string{"gate"},
		Short:   "List gates: which arguments have arrived at sockets, and which are missing",
		Example: "flowcli ls gates\nflowcli ls gates pyfi.processors.sample.add_two",
		Args:    atMostOne,

		ValidArgsFunction: c.completeNames(messages.Kind_KIND_SOCKET),
	}
	nameFlags(cmd, "socket")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var sockets []string
		if len(args) > 0 || cmd.Flag("name").Changed || cmd.Flag("id").Changed {
			name, err := named(cmd, args)
			if err != nil {
				return err
			}
			sockets = []string{name}
		}
		return c.listGates(cmd.Context(), sockets)
	}
	return cmd
}

func (c *cli) listGates(ctx context.Context, sockets []string) error {
	net, err := c.connectToLook()
	if err != nil {
		return err
	}
	if sockets == nil {
		if sockets, err = c.plugged(ctx); err != nil {
			return err
		}
	}
	var gates []*messages.Gate
	for _, name := range sockets {
		found, err := net.Get(ctx, messages.Kind_KIND_SOCKET, name)
		if err != nil {
			return err
		}
		if found.Gate != nil {
			gates = append(gates, found.Gate)
		}
	}
	if c.structured() {
		return c.write(gatesDocument(gates))
	}
	return c.gateTable(gates)
}

// plugged gives the sockets that plugs lead to.
func (c *cli) plugged(ctx context.Context) (sockets []string, err error) {
	seen := map[string]bool{}
	_, err = everyObject(ctx, c.network, &messages.ListRequest{Kind: messages.Kind_KIND_PLUG}, maxListed, func(o *messages.Object) {
		if target := o.GetPlug().GetTarget(); !seen[target] {
			seen[target] = true
			sockets = append(sockets, target)
		}
	})
	return sockets, err
}

func (c *cli) gateTable(gates []*messages.Gate) error {
	var rows [][]string
	for _, g := range gates {
		for _, in := range g.Inputs {
			state, since := "missing", ""
			if in.Waiting > 0 {
				state = "there"
				since = clock(in.Oldest[0].GetReceived())
			}
			rows = append(rows, []string{g.Socket, in.Argument, in.Plug, state, strconv.FormatInt(in.Waiting, 10), since, full(g, in)})
		}
	}
	return c.table([]string{"Socket", "Argument", "Plug", "State", "Waiting", "Oldest", "Full"}, rows)
}

// full says what comes of it that a gate is full.
func full(g *messages.Gate, in *messages.GateInput) string {
	drops := g.Overflow == "dead_letter"
	atBound := func(in *messages.GateInput) bool { return in.Waiting >= g.Limit }
	switch {
	case g.Stuck != "":
		return "yes: " + g.Stuck
	case !g.Full, drops && slices.ContainsFunc(g.Inputs, atBound) && !atBound(in):
		return "no"
	case drops && atBound(in):
		return "yes: what comes is a dead letter"
	}
	return "yes: sources are held back"
}

// socketGate draws the gate of a socket that is shown.
func (c *cli) socketGate(g *messages.Gate) error {
	if g == nil {
		return nil
	}
	fmt.Fprintln(c.out, "Gate")
	return c.gateTable([]*messages.Gate{g})
}

func gatesDocument(gates []*messages.Gate) document.Object {
	list := []document.Object{}
	for _, g := range gates {
		list = append(list, gateDocument(g))
	}
	return document.Object{{Name: "gates", Value: list}}
}

func gateDocument(g *messages.Gate) document.Object {
	inputs := []document.Object{}
	for _, in := range g.Inputs {
		arrivals := []document.Object{}
		for _, a := range in.Oldest {
			arrivals = append(arrivals, document.Object{
				{Name: "id", Value: messages.CallIDFrom(a.Id).String()},
				{Name: "received", Value: orNull(clock(a.Received))},
				{Name: "plug", Value: orNull(a.PlugName)},
				{Name: "parent", Value: orNull(idText(a.Parent))},
				{Name: "tracking", Value: orNull(idText(a.Tracking))},
			})
		}
		inputs = append(inputs, document.Object{
			{Name: "argument", Value: orNull(in.Argument)},
			{Name: "plug", Value: orNull(in.Plug)},
			{Name: "waiting", Value: in.Waiting},
			{Name: "oldest", Value: arrivals},
		})
	}
	return document.Object{
		{Name: "socket", Value: g.Socket},
		{Name: "correlate", Value: orNull(g.Correlate)},
		{Name: "overflow", Value: cmp.Or(g.Overflow, "block")},
		{Name: "limit", Value: g.Limit},
		{Name: "full", Value: g.Full},
		{Name: "stuck", Value: orNull(g.Stuck)},
		{Name: "inputs", Value: inputs},
	}
}

func idText(b []byte) string {
	id := messages.CallIDFrom(b)
	if id.IsZero() {
		return ""
	}
	return id.String()
}
