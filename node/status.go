package node

import (
	"context"
	"net/http"
	"os"
	"os/user"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/elasticcode/flow/api"
	"github.com/elasticcode/flow/cluster"
	"github.com/elasticcode/flow/cluster/gossip"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// handler is the public API over this node.
func (n *Node) handler() http.Handler {
	return api.New(api.Config{Node: n.self.Node, Name: n.self.Name, Version: messages.Version, Logger: n.log, Ready: n.ready, Metrics: n.metrics.registry},
		n.router, localModel{n}, n.code.source, networkInfo{n})
}

// Readiness is what /readyz reports.
type Readiness struct {
	Ready           bool     `json:"ready"`
	Node            string   `json:"node"`
	Network         string   `json:"network"`
	LossesTolerated int32    `json:"losses_tolerated"`  // node losses the network survives now
	Missing         []string `json:"missing,omitempty"` // what the node waits for
}

// askLimit bounds how long one group may take to say who serves it.
const askLimit = time.Second

// ready says whether every group that is due a replica here has it as a
// caught-up member, and the model has this boot of the node.
func (n *Node) ready() (bool, any) {
	r := Readiness{Node: n.self.Name, Network: n.network(), Missing: []string{}}
	miss := func(what string) { r.Missing = append(r.Missing, what) }
	due, err := n.placements()
	switch {
	case r.Network == "":
		miss("a network: it looks for others, or for one that it may found")
	case err != nil || len(due) == 0:
		miss("the object model: " + noReplica(n.self.Name, n.self.Node, n.gossip.Members()))
	}
	if len(r.Missing) == 0 {
		if up, err := see(n, n.isUp); err != nil || !up {
			miss("the model has not recorded this start of the node yet")
		}
		groups := n.groups(n.stopping, due)
		for _, g := range groups {
			if what := n.missing(g); what != "" {
				miss(what)
			}
		}
		r.LossesTolerated = lossesTolerated(groups)
	}
	r.Ready = len(r.Missing) == 0
	return r.Ready, r
}

// noReplica says why the network has given this node no replica. The network
// never takes a node in whose name another living one has: without the reason
// its operator would wait for ever.
func noReplica(name string, self messages.NodeID, members []gossip.Member) string {
	for _, m := range members {
		if m.Alive && m.Info.GetName() == name && m.Info.GetId() != string(self) {
			return "the network does not take this node in: the name " + name + " is taken by node " + m.Info.GetId() + ", which is up; start this one with another --name"
		}
	}
	return "the network has not given it a replica yet"
}

func (n *Node) isUp(v kv.View) bool {
	o, ok := model.Get(v, messages.Kind_KIND_NODE, string(n.self.Node))
	return ok && o.GetStatus() == model.Up && o.GetNode().GetBoot() == n.self.Boot
}

// group is one group's placement and what its leader says of it.
type group struct {
	due     *messages.GroupPlacement
	servers []cluster.Server
	alive   int // voters on nodes that live
	err     error
}

// groups asks the leaders of all groups at once.
func (n *Node) groups(ctx context.Context, due []*messages.GroupPlacement) []group {
	alive := n.alive()
	out := make([]group, len(due))
	var wait sync.WaitGroup
	for i, p := range due {
		wait.Go(func() {
			ask, cancel := context.WithTimeout(ctx, askLimit)
			defer cancel()
			g := group{due: p}
			g.servers, g.err = n.router.Servers(ask, messages.GroupID(p.GetGroup()))
			for _, s := range g.servers {
				if s.Voter && alive[s.Node] && s.CaughtUp {
					g.alive++
				}
			}
			out[i] = g
		})
	}
	wait.Wait()
	return out
}

// missing says what this node still lacks in a group; "": nothing.
func (n *Node) missing(g group) string {
	name := messages.GroupID(g.due.GetGroup()).Name()
	if what := n.problem(g); what != "" {
		return name + ": " + what
	}
	i := slices.IndexFunc(g.due.GetReplicas(), func(r *messages.Replica) bool { return r.GetNode() == string(n.self.Node) })
	if i < 0 {
		return ""
	}
	if what := n.replicaLacks(g.due.GetReplicas()[i], messages.GroupID(g.due.GetGroup()), g.servers); what != "" {
		return name + ": " + what
	}
	return ""
}

// replicaLacks says what this node's replica of a group, of which it is due,
// still lacks; "": nothing.
func (n *Node) replicaLacks(due *messages.Replica, group messages.GroupID, servers []cluster.Server) string {
	rep := n.replicas.get(group)
	if rep == nil || rep.Incarnation() != due.GetIncarnation() {
		return "its replica is not open yet"
	}
	if what := rep.lacks(); what != "" {
		return what
	}
	for _, s := range servers {
		switch {
		case s.Node != n.self.Node || s.Incarnation != due.GetIncarnation():
		case s.Voter != due.GetVoter():
			return "its replica has no vote yet"
		case !s.CaughtUp:
			return "its replica does not keep up with the leader"
		default:
			return ""
		}
	}
	return "its replica is not a member yet"
}

// tolerates is how many further losses of nodes a group survives now.
func (g group) tolerates() int32 {
	voters := 0
	for _, s := range g.servers {
		if s.Voter {
			voters++
		}
	}
	return int32(max(0, g.alive-(voters/2+1)))
}

func lossesTolerated(groups []group) int32 {
	var all []int32
	for _, g := range groups {
		all = append(all, g.tolerates())
	}
	if len(all) == 0 {
		return 0
	}
	return slices.Min(all)
}

// describe is what the node says of itself.
func describe(n *Node) *messages.NodeInfo {
	port := n.place.seat.Entry().Port
	hostname, _ := os.Hostname()
	info := &messages.NodeInfo{Id: string(n.self.Node), Name: n.self.Name, Boot: n.self.Boot, Cpus: int32(n.config.CPUs),
		ApiAddress: join(n.config.Advertise, port), PeerAddress: join(n.config.Advertise, port+1), GossipAddress: join(n.config.Advertise, port+2),
		Hostname: hostname, Version: messages.Version, FeatureLevel: n.level, Pid: int32(os.Getpid()), Owner: systemUser()}
	n.gauge(info)
	return info
}

// maxOwner bounds the user's name: it goes with the gossip, where bytes are few.
const maxOwner = 32

// systemUser is who runs this node, as the operating system calls them.
func systemUser() string {
	u, err := user.Current()
	if err != nil || u.Username == "" || len(u.Username) > maxOwner {
		return "uid" + strconv.Itoa(os.Getuid())
	}
	return u.Username
}
