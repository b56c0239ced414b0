package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// newNetwork is the verb that shows the network as a whole.
func newNetwork(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "network",
		Short: "Show nodes, groups and leaders, and how many losses are tolerated",
		Long: `Show nodes, groups and leaders, and how many losses of nodes are tolerated now.

One node answers, and tells the network as it sees it: a node that has lost the
others says which it cannot reach, which groups have no majority without them,
and how old its view is. Then the exit code is 5.

The feature level says what nodes may make use of. It rises when all nodes run a
version that supports more, and never falls: older versions are refused then.`,
		Example: "flowcli network\nflowcli -o json network",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			net, err := c.connectToLook()
			if err != nil {
				return err
			}
			info, err := net.Network(cmd.Context())
			if err != nil {
				return err
			}
			if c.structured() {
				err = c.write(networkDocument(info))
			} else {
				err = c.networkTables(info)
			}
			if err != nil {
				return err
			}
			return networkProblem(info)
		},
	}
}

func (c *cli) networkTables(info *messages.NetworkInfo) error {
	err := c.table([]string{"Name", "ID", "Version", "Feature level", "Nodes", "CPUs", "CPUs used", "Losses tolerated"}, [][]string{{
		info.Name, info.NetworkId, info.Version, featureLevel(info), strconv.Itoa(len(info.Nodes)),
		strconv.Itoa(int(info.Cpus)), strconv.Itoa(int(info.CpusUsed)), strconv.Itoa(int(info.LossesTolerated)),
	}})
	if err != nil {
		return err
	}
	var nodes [][]string
	for _, o := range info.Nodes {
		n := o.GetNode()
		status := nodeStatus(o)
		if slices.Contains(info.Unreachable, o.Name) {
			status = "unreachable"
		}
		nodes = append(nodes, []string{o.Name, o.Id, n.GetHostname(), strconv.Itoa(int(n.GetCpus())), n.GetApiAddress(), n.GetVersion(), fmt.Sprint(n.GetFeatureLevel()), status})
	}
	if err := c.titled("Nodes", []string{"Name", "ID", "Host", "CPUs", "API", "Version", "Feature level", "Status"}, nodes); err != nil {
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

// featureLevel is what the network's nodes may make use of, and if some of them
// support more, which do not.
func featureLevel(info *messages.NetworkInfo) string {
	most := info.FeatureLevel
	for _, o := range info.Nodes {
		most = max(most, o.GetNode().GetFeatureLevel())
	}
	var behind []string
	for _, o := range info.Nodes {
		if o.GetNode().GetFeatureLevel() < most {
			behind = append(behind, o.Name)
		}
	}
	level := strconv.FormatUint(uint64(info.FeatureLevel), 10)
	if len(behind) == 0 || most == info.FeatureLevel {
		return level
	}
	return fmt.Sprintf("%s (%d waits for %s)", level, most, strings.Join(behind, ", "))
}

// networkProblem is the error of a network that does not serve, as the node that
// answered sees it; nil: all groups serve.
func networkProblem(info *messages.NetworkInfo) error {
	var problems []string
	for _, g := range info.Groups {
		if g.Problem != "" {
			problems = append(problems, messages.GroupID(g.Group).Name()+": "+g.Problem)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	since := "now"
	if info.Age > 0 {
		since = (time.Duration(info.Age) * time.Millisecond).Round(time.Second/10).String() + " ago"
	}
	e := messages.Errorf(messages.Unavailable, "show network", "", "%d of %d groups do not serve, as node %s sees it; its view of the nodes is as of %s\n  %s",
		len(problems), len(info.Groups), info.SeenBy, since, strings.Join(problems, "\n  "))
	if len(info.Unreachable) > 0 {
		return e.WithHint("start these nodes again, or see what cuts them off: %s", strings.Join(info.Unreachable, ", "))
	}
	return e
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
		{Name: "feature_level", Value: info.FeatureLevel},
		{Name: "cpus", Value: info.Cpus},
		{Name: "cpus_used", Value: info.CpusUsed},
		{Name: "losses_tolerated", Value: info.LossesTolerated},
		{Name: "seen_by", Value: info.SeenBy},
		{Name: "age", Value: info.Age},
		{Name: "unreachable", Value: append([]string{}, info.Unreachable...)},
		{Name: "nodes", Value: nodes},
		{Name: "groups", Value: groups},
	}
}
