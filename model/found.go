package model

import (
	"strings"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model/placement"
)

// schedulerName is the name of the one scheduler of a network.
const schedulerName = "default"

// found makes the network: its object, its scheduler, its first node, and the
// groups, each with that node as its only replica. The same network again is
// no error.
func (c *change) found(m *messages.Found) *messages.Error {
	const op = "found network"
	if id, _, ok := Network(c); ok {
		if id != m.NetworkId {
			return messages.Errorf(messages.Conflict, op, m.Name, "this is network %s already", id)
		}
		c.reply.Object = load(c, messages.Kind_KIND_NETWORK, id)
		return nil
	}
	founder := m.GetFounder()
	switch {
	case !validID(m.NetworkId):
		return messages.Errorf(messages.Invalid, op, m.Name, "%q cannot be its id", m.NetworkId)
	case m.Partitions < 1 || m.Partitions > messages.MaxPartitions:
		return messages.Errorf(messages.Invalid, op, m.Name, "%d partitions: it takes 1 to %d", m.Partitions, messages.MaxPartitions)
	}
	if refusal := checkName(op, m.Name); refusal != nil {
		return refusal
	}
	if refusal := checkNode(op, founder); refusal != nil {
		return refusal
	}
	network := &messages.Object{
		Id: m.NetworkId, Name: m.Name, Kind: messages.Kind_KIND_NETWORK, Status: Up, RequestedStatus: Up, Enabled: true,
		Spec: &messages.Object_Network{Network: &messages.Network{NetworkId: m.NetworkId, Partitions: m.Partitions}},
	}
	c.save(network)
	c.save(&messages.Object{
		Id: derive(m.NetworkId, schedulerName), Name: schedulerName, Kind: messages.Kind_KIND_SCHEDULER, Status: Ready, RequestedStatus: Ready, Enabled: true,
		Spec: &messages.Object_Scheduler{Scheduler: &messages.Scheduler{Strategy: placement.Balanced}},
	})
	for group := messages.Meta; group <= messages.GroupID(m.Partitions); group++ {
		c.setGroup(&messages.GroupPlacement{
			Group:    uint32(group),
			Replicas: []*messages.Replica{{Node: founder.Id, Incarnation: 1, Voter: true, Founder: true}},
			Version:  c.index,
		})
	}
	c.saveNode(founder)
	c.place()
	c.reply.Object = network
	return nil
}

// validID says whether s can be an id that a node or a network chose itself:
// it stands in keys and in server ids, between slashes.
func validID(s string) bool {
	return s != "" && len(s) <= messages.MaxName && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || r == '/'
	})
}
