package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// newNetwork is the verb that shows the network as a whole.
func newNetwork(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "network",
		Short:   "Show nodes, groups and leaders, and how many losses are tolerated",
		Example: "flowcli network\nflowcli -o json network",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			net, err := c.connect()
			if err != nil {
				return err
			}
			info, err := net.Network(cmd.Context())
			if err != nil {
				return err
			}
			if c.structured() {
				return c.write(networkDocument(info))
			}
			return c.networkTables(info)
		},
	}
}

func (c *cli) networkTables(info *messages.NetworkInfo) error {
	err := c.table([]string{"Name", "ID", "Version", "Nodes", "CPUs", "CPUs used", "Losses tolerated"}, [][]string{{
		info.Name, info.NetworkId, info.Version, strconv.Itoa(len(info.Nodes)),
		strconv.Itoa(int(info.Cpus)), strconv.Itoa(int(info.CpusUsed)), strconv.Itoa(int(info.LossesTolerated)),
	}})
	if err != nil {
		return err
	}
	var nodes [][]string
	for _, o := range info.Nodes {
		n := o.GetNode()
		nodes = append(nodes, []string{o.Name, o.Id, n.GetHostname(), strconv.Itoa(int(n.GetCpus())), n.GetApiAddress(), n.GetVersion(), o.Status})
	}
	if err := c.titled("Nodes", []string{"Name", "ID", "Host", "CPUs", "API", "Version", "Status"}, nodes); err != nil {
		return err
	}
	var groups [][]string
	for _, g := range info.Groups {
		groups = append(groups, []string{
			groupName(g.Group), g.Leader, strings.Join(g.Voters, ", "), strings.Join(g.Nonvoters, ", "), strconv.FormatUint(g.Applied, 10),
			fmt.Sprint(g.Calls), fmt.Sprint(g.Queued), fmt.Sprint(g.Running), strconv.Itoa(int(g.LossesTolerated)),
		})
	}
	return c.titled("Groups", []string{"Group", "Leader", "Voters", "Followers", "Applied", "Calls", "Queued", "Running", "Losses tolerated"}, groups)
}

// groupName is a group as people call it.
func groupName(group uint32) string {
	if messages.GroupID(group) == messages.Meta {
		return "meta"
	}
	return "partition " + strconv.FormatUint(uint64(group), 10)
}

func networkDocument(info *messages.NetworkInfo) document.Object {
	nodes := []document.Object{}
	for _, o := range info.Nodes {
		nodes = append(nodes, objectDocument(o))
	}
	groups := []document.Object{}
	for _, g := range info.Groups {
		groups = append(groups, messageDocument(g.ProtoReflect()))
	}
	return document.Object{
		{Name: "network_id", Value: info.NetworkId},
		{Name: "name", Value: info.Name},
		{Name: "version", Value: info.Version},
		{Name: "cpus", Value: info.Cpus},
		{Name: "cpus_used", Value: info.CpusUsed},
		{Name: "losses_tolerated", Value: info.LossesTolerated},
		{Name: "nodes", Value: nodes},
		{Name: "groups", Value: groups},
	}
}
