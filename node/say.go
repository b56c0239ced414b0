package node

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// say tells whoever started the node what it does, whatever the level of the log.
func (n *Node) say(format string, args ...any) {
	fmt.Fprintf(n.config.Announce, "node %s: %s\n", n.info.GetName(), fmt.Sprintf(format, args...))
}

// sayGrace tells how long a stop may wait, and for what.
func (n *Node) sayGrace() {
	if !n.place.used {
		return
	}
	calls := 0
	for _, r := range n.replicas.all() {
		if r.partition == nil {
			continue
		}
		s := state{r.Group}
		for _, session := range s.Sessions() {
			if strings.HasPrefix(session, string(n.self.Node)) {
				calls += len(s.Leases(session))
			}
		}
	}
	if calls == 0 {
		n.say("stopping; no call runs here")
		return
	}
	n.say("stopping; %d calls are here: those that run have up to %v to end, the others go back", calls, n.config.Grace)
}

// sayHandover tells which groups the node hands over.
func (n *Node) sayHandover() {
	var led []string
	for id, r := range n.replicas.all() {
		if r.IsLeader() {
			led = append(led, messages.GroupID.Name(id))
		}
	}
	if len(led) == 0 || !n.place.used {
		return
	}
	slices.Sort(led)
	n.say("handing over the leadership of %s", strings.Join(led, ", "))
}
