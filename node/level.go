package node

import (
	"fmt"
	"strconv"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
	"github.com/elasticcode/flow/raftstore"
)

// featureLevel is the highest level that the node supports: what its build does,
// or less, if it was told so.
func (c Config) featureLevel() (uint32, error) {
	if c.FeatureLevel == "" {
		return messages.FeatureLevel, nil
	}
	level, err := strconv.ParseUint(c.FeatureLevel, 10, 32)
	if err != nil || level > messages.FeatureLevel {
		return 0, fmt.Errorf("--feature-level %s: this build supports levels 0 to %d", c.FeatureLevel, messages.FeatureLevel)
	}
	return uint32(level), nil
}

// outdated says why this node cannot be part of its network, or of one that it is
// about to join: the others make use of what it does not know. nil: it can, as far
// as it has heard.
func (n *Node) outdated(network string) error {
	level := n.storedLevel()
	for _, m := range n.gossip.Members() {
		if m.NetworkID == network {
			level = max(level, m.FeatureLevel)
		}
	}
	if level <= n.info.GetFeatureLevel() {
		return nil
	}
	err := model.Outdated("start node", n.info, level)
	if n.info.GetFeatureLevel() < messages.FeatureLevel {
		err = err.WithHint("start it without --feature-level: a network's level never falls")
	}
	return err
}

// storedLevel is the level that the model on this node's disk says.
func (n *Node) storedLevel() uint32 {
	snapshot := n.boundary.kv.Snapshot()
	defer snapshot.Close()
	return model.FeatureLevel(raftstore.StateOf(snapshot, messages.Meta))
}

// tellLevel tells the others at which level the network is.
func (n *Node) tellLevel() {
	level, err := see(n, model.FeatureLevel)
	if err != nil || level == n.toldLevel {
		return
	}
	if err := n.gossip.SetFeatureLevel(level); err != nil {
		n.log.Warn("tell the others the network's feature level", "feature_level", level, "error", err)
		return
	}
	n.toldLevel = level
}
