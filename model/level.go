package model

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// FeatureLevel is what the nodes of the network may make use of.
func FeatureLevel(view kv.View) uint32 { return network(view).GetNetwork().GetFeatureLevel() }

// NextFeatureLevel gives the level that the network can be raised to, now that all
// its nodes support it: those that are down too, for they are to come back.
func NextFeatureLevel(view kv.View) (level uint32, raise bool) {
	for i, o := range all(view, messages.Kind_KIND_NODE) {
		if supported := o.GetNode().FeatureLevel; i == 0 || supported < level {
			level = supported
		}
	}
	return level, level > FeatureLevel(view)
}

// raiseLevel raises the network's level, and tells all partitions.
func (c *change) raiseLevel(m *messages.RaiseFeatureLevel) *messages.Error {
	const op = "raise feature level"
	o := network(c)
	c.reply.Object = o
	if m.Level <= o.GetNetwork().FeatureLevel {
		return nil
	}
	for _, node := range all(c, messages.Kind_KIND_NODE) {
		if supported := node.GetNode().FeatureLevel; supported < m.Level {
			return messages.Errorf(messages.Conflict, op, o.Name, "node %s, which is %s, supports levels up to %d, not %d", node.Name, node.Status, supported, m.Level).
				WithHint("start it with a newer version, or delete it if it does not come back")
		}
	}
	o.GetNetwork().FeatureLevel = m.Level
	c.save(o)
	for p := messages.Meta + 1; p <= messages.GroupID(o.GetNetwork().Partitions); p++ {
		c.send(p, &messages.SetFeatureLevel{Level: m.Level})
	}
	return nil
}

// checkLevel refuses a node that cannot follow the network.
func (c *change) checkLevel(op string, info *messages.NodeInfo) *messages.Error {
	if level := FeatureLevel(c); info.FeatureLevel < level {
		return Outdated(op, info, level)
	}
	return nil
}

// Outdated is the refusal of a node whose build cannot follow its network.
func Outdated(op string, info *messages.NodeInfo, level uint32) *messages.Error {
	return messages.Errorf(messages.Denied, op, info.GetName(), "the network is at feature level %d, and this node, version %s, supports levels up to %d", level, info.GetVersion(), info.GetFeatureLevel()).
		WithHint("start it with the version that the other nodes run: a network's level never falls")
}

// supports says that a command which was carried out demands more than this build
// can do: its replica must stop, since what follows may be nothing that it knows.
func (machine Machine) supports(m proto.Message) error {
	if raised, ok := m.(*messages.RaiseFeatureLevel); ok && raised.Level > machine.Supports {
		return fmt.Errorf("the network is at feature level %d, and this build supports levels up to %d: start a newer one", raised.Level, machine.Supports)
	}
	return nil
}

// levels: no node supports less than the network is at.
func (k checker) levels() error {
	for _, o := range all(k.view, messages.Kind_KIND_NODE) {
		if level := FeatureLevel(k.view); o.GetNode().FeatureLevel < level {
			return fmt.Errorf("node %s supports feature levels up to %d, and the network is at %d", o.Name, o.GetNode().FeatureLevel, level)
		}
	}
	return nil
}
