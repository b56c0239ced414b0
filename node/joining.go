package node

import (
	"fmt"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// joining says what keeps the node from its network, and what can be done about
// it; "": nothing, it has a replica of the model.
func (n *Node) joining() (why, remedy string) {
	name := n.self.Name
	switch {
	case n.replicas.get(messages.Meta) != nil:
		return "", ""
	case n.network() != "":
		return fmt.Sprintf("node %s has not joined its network yet: %s", name, noReplica(name, n.self.Node, n.gossip.Members())),
			"try again shortly; GET /readyz tells when it has"
	case len(n.config.Join) == 0:
		return fmt.Sprintf("node %s has not joined a network yet: another node of this machine is about to found one", name),
			"try again shortly; GET /readyz tells when it has"
	}
	looks := "it has found nobody who has one at " + strings.Join(n.config.Join, ", ")
	if n.config.Expect > 0 {
		looks += fmt.Sprintf(", and founds one when %d nodes are there", n.config.Expect)
	}
	return fmt.Sprintf("node %s has not joined a network yet: %s", name, looks),
		"start the others, or this one with --join and the gossip address (base port + 2) of a node that is up; GET /readyz tells when it has joined"
}

// unserved says why no group, or not this one, can serve now, and what can be done
// about it; "": nothing that this node knows of speaks against it.
func (n *Node) unserved(group messages.GroupID) (why, remedy string) {
	if n.network() == "" {
		return n.joining()
	}
	if lost := n.lost(group); lost != "" {
		return "a majority is missing: " + lost, "start those nodes again; `flowcli network` shows which groups have no majority"
	}
	return "", ""
}
