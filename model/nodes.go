package model

import (
	"strconv"
	"strings"

	"github.com/elasticcode/flow/messages"
)

func checkNode(op string, info *messages.NodeInfo) *messages.Error {
	if !validID(info.GetId()) {
		return messages.Errorf(messages.Invalid, op, info.GetName(), "%q cannot be the id of a node", info.GetId())
	}
	if refusal := checkName(op, info.Name); refusal != nil {
		return refusal
	}
	switch {
	case strings.Contains(info.Name, "@"):
		return messages.Errorf(messages.Invalid, op, info.Name, "the name of a node may not hold @")
	case info.Cpus < 0:
		return messages.Errorf(messages.Invalid, op, info.Name, "it cannot offer %d CPUs", info.Cpus)
	}
	return nil
}

// nodeUp records that a node is a live member. A new node that has the name of
// one that is down takes its place: it is that machine with an empty disk.
func (c *change) nodeUp(info *messages.NodeInfo) *messages.Error {
	const op = "add node"
	if refusal := checkNode(op, info); refusal != nil {
		return refusal
	}
	if refusal := c.checkRemoved(op, info); refusal != nil {
		return refusal
	}
	if refusal := c.checkLevel(op, info); refusal != nil {
		return refusal
	}
	known := load(c, messages.Kind_KIND_NODE, info.Id)
	if known != nil && info.Boot < known.GetNode().Boot {
		return messages.Errorf(messages.Conflict, op, info.Name, "boot %d of it is over, boot %d is known", info.Boot, known.GetNode().Boot)
	}
	if other := named(c, messages.Kind_KIND_NODE, info.Name); other != nil && other.Id != info.Id {
		if other.Status == Up {
			return messages.Errorf(messages.Conflict, op, info.Name, "the name is taken by node %s, which is up", other.Id).
				WithHint("start it with another --name; if that node is this machine before its disk was emptied, try again when it is found to be down")
		}
		c.forget(other)
	}
	c.reply.Object = c.saveNode(info)
	c.place()
	return nil
}

// saveNode writes a node that is up and its agent. A new boot begins with no
// worker and no slot that runs.
func (c *change) saveNode(info *messages.NodeInfo) *messages.Object {
	node := load(c, messages.Kind_KIND_NODE, info.Id)
	if node != nil && (node.Name != info.Name || node.GetNode().Boot != info.Boot) {
		c.rebooted(node, info.Name)
	}
	if node == nil {
		node = &messages.Object{Id: info.Id, Kind: messages.Kind_KIND_NODE, Enabled: true}
	}
	node.Name, node.Owner, node.Status, node.RequestedStatus, node.Message = info.Name, info.Owner, Up, Up, info.Trouble
	node.Spec = &messages.Object_Node{Node: &messages.Node{
		Hostname: info.Hostname, Cpus: info.Cpus, Memsize: info.Memsize, Freemem: info.Freemem, Memused: info.Memused,
		Disksize: info.Disksize, Diskusage: info.Diskusage, Cpuload: info.Cpuload, Boot: info.Boot,
		ApiAddress: info.ApiAddress, PeerAddress: info.PeerAddress, GossipAddress: info.GossipAddress,
		Version: info.Version, FeatureLevel: info.FeatureLevel, Scheduler: scheduler(c).GetId(),
	}}
	c.save(node)
	c.save(&messages.Object{
		Id: agentID(info.Id), Name: info.Name, Owner: info.Owner, Kind: messages.Kind_KIND_AGENT, Status: Up, RequestedStatus: Up, Enabled: true,
		Spec: &messages.Object_Agent{Agent: &messages.Agent{
			Node: info.Id, Hostname: info.Hostname, Cpus: info.Cpus, Port: port(info.ApiAddress), Pid: info.Pid,
		}},
	})
	return node
}

// rebooted lets go of what ran in a node's earlier boot. Its slots stay placed
// there, and start again.
func (c *change) rebooted(node *messages.Object, name string) {
	at := reference{messages.Kind_KIND_NODE, node.Id}
	c.removeReferring(at, messages.Kind_KIND_WORKER)
	for _, deployment := range referring(c, at, messages.Kind_KIND_DEPLOYMENT) {
		processor := load(c, messages.Kind_KIND_PROCESSOR, deployment.GetDeployment().Processor)
		deployment.Name = deploymentName(processor.Name, name)
		deployment.GetDeployment().Hostname = name
		c.restartDeployment(deployment)
	}
}

func agentID(node string) string { return derive(node, "agent") }

// port is the number after the last colon of an address; 0 if there is none.
func port(address string) int32 {
	n, err := strconv.ParseUint(address[strings.LastIndex(address, ":")+1:], 10, 16)
	if err != nil {
		return 0
	}
	return int32(n)
}

// nodeDown records that a boot of a node is gone. News of a boot that is over,
// or of a node that is not known, change nothing.
func (c *change) nodeDown(m *messages.NodeDown) *messages.Error {
	node := load(c, messages.Kind_KIND_NODE, m.Node)
	if node == nil || node.GetNode().Boot != m.Boot || node.Status == Down {
		c.reply.Object = node
		return nil
	}
	c.vacate(node)
	node.Status, node.Message = Down, m.Reason
	node.GetNode().DownSince = c.now
	c.save(node)
	if agent := load(c, messages.Kind_KIND_AGENT, agentID(node.Id)); agent != nil {
		agent.Status, agent.Message = Down, m.Reason
		c.save(agent)
	}
	c.place()
	c.reply.Object = node
	return nil
}

// nodeRemove forgets a node that is down for good, and lets it in no more.
func (c *change) nodeRemove(op, name string) *messages.Error {
	node := find(c, messages.Kind_KIND_NODE, name)
	if node == nil {
		return missing(c, op, name, messages.Kind_KIND_NODE, name)
	}
	if node.Status == Up {
		return messages.Errorf(messages.Conflict, op, node.Name, "it is up").WithHint("stop it first")
	}
	for _, group := range Groups(c) {
		if soleVoter(group, node.Id) {
			return messages.Errorf(messages.Conflict, op, node.Name, "it holds the only voting copy of group %d", group.Group).
				WithHint("start it again, and wait until network says that a loss is tolerated")
		}
	}
	c.forget(node)
	c.markRemoved(node.Id)
	c.place()
	c.reply.Object = node
	return nil
}

// forget takes a node out of the model. Its replicas that follow go with it;
// those that vote stay due until others have taken their votes, so that the
// number of voters stays odd and none is given up before its successor has the
// data (placement.NextReplicas sees to that).
func (c *change) forget(node *messages.Object) {
	c.vacate(node)
	c.removeReferring(reference{messages.Kind_KIND_NODE, node.Id}, messages.Kind_KIND_AGENT)
	c.remove(node)
	for _, group := range Groups(c) {
		c.dropFollower(group, node.Id)
	}
}

// vacate removes what ran on a node. Slots are placed anew by place.
func (c *change) vacate(node *messages.Object) {
	c.removeReferring(reference{messages.Kind_KIND_NODE, node.Id}, messages.Kind_KIND_WORKER)
	c.removeReferring(reference{messages.Kind_KIND_NODE, node.Id}, messages.Kind_KIND_DEPLOYMENT)
}
