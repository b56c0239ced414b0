package gossip

import (
	"strings"

	"github.com/hashicorp/memberlist"

	"github.com/elasticcode/flow/messages"
)

const maxRefused = 128 // remembered, so that each is logged once

// NotifyAlive lets memberlist take in a member, unless it is of another network.
func (t *table) NotifyAlive(n *memberlist.Node) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.check(n, t.known()); err != nil {
		return err
	}
	return nil
}

// NotifyMerge lets memberlist exchange members with a node that joins, or that
// this node joins, unless one of them is of another network.
func (t *table) NotifyMerge(nodes []*memberlist.Node) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	network := t.known()
	for _, n := range nodes {
		if n.State != memberlist.StateAlive {
			continue
		}
		if err := t.check(n, network); err != nil {
			return err
		}
		if g, err := decode(n.Meta); err == nil && network == "" {
			network = g.GetNetworkId()
		}
	}
	return nil
}

// known is the network that members must be of: this node's, or while it has
// none, the one it is about to join. Empty: any.
func (t *table) known() string {
	if network := t.self.GetNetworkId(); network != "" {
		return network
	}
	for _, b := range t.boots {
		if b.Alive && b.NetworkID != "" {
			return b.NetworkID
		}
	}
	return ""
}

func (t *table) check(n *memberlist.Node, network string) error {
	g, err := decode(n.Meta)
	if err != nil {
		return err
	}
	other := g.GetNetworkId()
	if other == "" || network == "" || other == network || g.GetNode().GetId() == t.id {
		return nil
	}
	refusal := messages.Errorf(messages.Denied, "join node", g.GetNode().GetName()+" at "+n.Address(),
		"it belongs to network %s, this is network %s", other, network).
		WithHint("a node belongs to one network for ever; join another address, or start with an empty data directory")
	t.refusal = refusal
	if !t.refused[n.Name] {
		if len(t.refused) >= maxRefused {
			clear(t.refused)
		}
		t.refused[n.Name] = true
		t.logger.Warn("refused a node of another network", "peer", g.GetNode().GetId(), "name", g.GetNode().GetName(), "address", n.Address(), "its_network", other, "network", network)
	}
	return refusal
}

// explain turns memberlist's error from joining an address into a typed one:
// memberlist keeps only the text.
func (m *Membership) explain(address string, err error) error {
	m.table.mu.Lock()
	refusal := m.table.refusal
	m.table.mu.Unlock()
	text := err.Error()
	if refusal != nil && strings.Contains(text, refusal.Error()) {
		return refusal
	}
	for _, sign := range []string{
		"No installed keys could decrypt the message",
		"no installed keys could decrypt the message",
		"remote state is encrypted and encryption is not configured",
		"encryption is configured but remote state is not encrypted",
	} {
		if strings.Contains(text, sign) {
			return messages.Errorf(messages.Denied, "join node at", address, "it has another gossip key, or only one of the two has a key").WithHint("start all nodes with the same --key")
		}
	}
	return messages.Errorf(messages.Unavailable, "join node at", address, "%v", err).WithHint("give the gossip address of a node that runs: its base port + 2")
}
