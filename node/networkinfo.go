package node

import (
	"context"
	"time"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// networkInfo tells of nodes and groups, and of what goes on at a node.
type networkInfo struct{ node *Node }

func (i networkInfo) Printed(ctx context.Context, node messages.NodeID, q *messages.PrintedQuery) (*messages.PrintedAnswer, error) {
	return i.node.system.Printed(ctx, node, q)
}

func (i networkInfo) Info(ctx context.Context) (*messages.NetworkInfo, error) {
	n := i.node
	due, err := n.placements()
	if err != nil {
		return nil, err
	}
	info, err := see(n, modelInfo)
	if err != nil {
		return nil, err
	}
	info.Version, info.SeenBy, info.Age = messages.Version, n.self.Name, n.age().Milliseconds()
	known := map[messages.NodeID]string{}
	for _, o := range info.Nodes {
		known[messages.NodeID(o.GetId())] = o.GetName()
	}
	name := func(id messages.NodeID) string {
		if known[id] != "" {
			return known[id]
		}
		return n.nameOf(id) + " (removed)" // it has a place until others have its data
	}
	info.Unreachable = n.unreachable(info.Nodes)
	groups := n.groups(ctx, due)
	for _, g := range groups {
		info.Groups = append(info.Groups, n.groupInfo(ctx, g, name))
	}
	info.LossesTolerated = lossesTolerated(groups)
	return info, nil
}

func modelInfo(v kv.View) *messages.NetworkInfo {
	info := &messages.NetworkInfo{}
	info.NetworkId, _, _ = model.Network(v)
	info.FeatureLevel = model.FeatureLevel(v)
	info.Nodes, _ = model.List(v, messages.Kind_KIND_NODE, model.Filter{}, "", messages.MaxPageRows)
	for _, o := range info.Nodes {
		if o.GetStatus() == model.Up {
			info.Cpus += o.GetNode().GetCpus()
		}
	}
	networks, _ := model.List(v, messages.Kind_KIND_NETWORK, model.Filter{}, "", 1)
	for _, o := range networks {
		info.Name = o.GetName()
	}
	placed, _ := model.List(v, messages.Kind_KIND_DEPLOYMENT, model.Filter{}, "", messages.MaxPageRows)
	for _, o := range placed {
		info.CpusUsed += o.GetDeployment().GetCpus()
	}
	return info
}

func (n *Node) groupInfo(ctx context.Context, g group, name func(messages.NodeID) string) *messages.GroupInfo {
	id := messages.GroupID(g.due.GetGroup())
	info := &messages.GroupInfo{Group: g.due.GetGroup(), LossesTolerated: g.tolerates(), Problem: n.problem(g)}
	if leader, ok := n.router.Leader(id); ok && info.Problem == "" {
		info.Leader = name(leader)
	}
	if info.Problem != "" {
		for _, v := range n.voters(id) {
			info.Voters = append(info.Voters, name(v))
		}
	}
	for _, s := range g.servers {
		if s.Voter {
			info.Voters = append(info.Voters, name(s.Node))
		} else {
			info.Nonvoters = append(info.Nonvoters, name(s.Node))
		}
	}
	if r := n.replicas.get(id); r != nil {
		info.Applied = r.Applied()
	}
	if id == messages.Meta {
		info.FeatureLevel, _ = see(n, model.FeatureLevel)
		return info
	}
	ask, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	query := n.router.Query
	if info.Problem != "" {
		query = n.query // nobody else need be asked
	}
	answer, err := query(ask, &messages.QueryRequest{Group: g.due.GetGroup(), Query: &messages.QueryRequest_Stats{Stats: &messages.StatsQuery{}}})
	if err == nil {
		info.Calls, info.Queued, info.Running = answer.GetStats().GetTotal(), answer.GetStats().GetQueued(), answer.GetStats().GetRunning()
		info.FeatureLevel = answer.GetStats().GetFeatureLevel()
	}
	return info
}

// problem says why a group serves nobody, as far as this node can see; "": it
// serves.
func (n *Node) problem(g group) string {
	if g.err == nil {
		return ""
	}
	if why := n.lost(messages.GroupID(g.due.GetGroup())); why != "" {
		return "it has no majority: " + why
	}
	return "it has no leader that this node can find: " + g.err.Error()
}

// unreachable are the names of nodes that the model has up and that do not
// answer.
func (n *Node) unreachable(nodes []*messages.Object) (names []string) {
	alive := n.alive()
	for _, o := range nodes {
		if o.GetStatus() == model.Up && !alive[messages.NodeID(o.GetId())] {
			names = append(names, o.GetName())
		}
	}
	return names
}

// age is how long ago this node's view of the model was the network's: since
// when it has not heard of the meta group's leader.
func (n *Node) age() time.Duration {
	rep := n.replicas.get(messages.Meta)
	if rep == nil {
		return 0
	}
	if leader, ok := rep.Leader(); ok && (leader == n.self.Node || n.alive()[leader]) {
		return 0
	}
	return max(time.Since(rep.LastContact()), time.Millisecond)
}
