package model

import (
	"fmt"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// oracleNodes is the naive model of who is a node, by name, and whose id never
// comes back.
type oracleNodes struct {
	known   map[string]*oracleNode
	removed map[string]bool
	level   *uint32 // of the network
}

type oracleNode struct {
	id    string
	boot  uint64
	up    bool
	level uint32 // that it supports
}

func newOracleNodes(names ...string) oracleNodes {
	o := oracleNodes{known: map[string]*oracleNode{}, removed: map[string]bool{}, level: new(uint32)}
	for _, name := range names {
		o.known[name] = &oracleNode{id: "node-" + name, boot: 1, up: true}
	}
	return o
}

func (o oracleNodes) up(info *messages.NodeInfo) bool {
	known := o.known[info.Name]
	switch {
	case o.removed[info.Id], info.FeatureLevel < *o.level:
		return false
	case known != nil && known.id == info.Id && info.Boot < known.boot:
		return false
	case known != nil && known.id != info.Id && known.up:
		return false
	}
	o.known[info.Name] = &oracleNode{info.Id, info.Boot, true, info.FeatureLevel}
	return true
}

func (o oracleNodes) down(id string, boot uint64) {
	for _, n := range o.known {
		if n.id == id && n.boot == boot {
			n.up = false
		}
	}
}

func (o oracleNodes) remove(name string) bool {
	n := o.known[name]
	if n == nil || n.up {
		return false
	}
	delete(o.known, name)
	o.removed[n.id] = true
	return true
}

func (o oracleNodes) raise(level uint32) bool {
	if level <= *o.level {
		return true
	}
	for _, n := range o.known {
		if n.level < level {
			return false
		}
	}
	*o.level = level
	return true
}

// randomNodes makes a command about nodes that hold no replica.
func randomNodes(rng *rand.Rand, o oracleNodes) (proto.Message, bool) {
	name := []string{"b", "c"}[rng.IntN(2)]
	id, boot := "node-"+name, uint64(1+rng.IntN(3))
	if disk := rng.IntN(12); disk > 4 {
		id += fmt.Sprint("-wiped", disk)
	}
	if n := o.known[name]; n != nil && rng.IntN(2) == 0 {
		id, boot = n.id, n.boot
	}
	switch rng.IntN(6) {
	case 5:
		level := uint32(rng.IntN(testLevel + 1))
		return &messages.RaiseFeatureLevel{Level: level}, o.raise(level)
	case 4: // the founder changes to a newer version
		founder := nodeInfo("a", o.known["a"].boot+1, 4)
		founder.FeatureLevel = *o.level + uint32(rng.IntN(2))
		return &messages.NodeUp{Node: founder}, o.up(founder)
	case 0:
		o.down(id, boot)
		return &messages.NodeDown{Node: id, Boot: boot}, true
	case 1:
		return &messages.NodeRemove{Node: name}, o.remove(name)
	}
	info := nodeInfo(name, boot, int32(rng.IntN(5)))
	info.Id, info.FeatureLevel = id, *o.level+uint32(rng.IntN(3))
	if rng.IntN(8) == 0 {
		info.FeatureLevel = 0
	}
	return &messages.NodeUp{Node: info}, o.up(info)
}
