package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/elasticcode/flow/actors"
	"github.com/elasticcode/flow/cluster"
	"github.com/elasticcode/flow/discovery"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
	"github.com/elasticcode/flow/model/placement"
	"github.com/elasticcode/flow/raftstore"
)

// defaultPartitions is how many partitions a new network has, unless it is told. More cost
// throughput on small machines; later ones can be added for new sockets.
const defaultPartitions = 2

// seeds are gossip addresses of nodes to join: those that were named, or the
// others of this machine; and those that this node has met.
func (n *Node) seeds() []string {
	out := append(slices.Clone(n.config.Join), *n.met.Load()...)
	if len(n.config.Join) > 0 || n.config.Data != "" {
		return out
	}
	others, err := n.place.seat.Others()
	if err != nil {
		n.log.Warn("read the entries of other nodes on this machine", "error", err)
	}
	for _, o := range others {
		out = append(out, o.Gossip)
	}
	return out
}

// meet keeps where the nodes of the model are: a node that is started again must
// find the others also when those that it was once told to join are gone. Its
// model cannot tell then: it is as of long ago until the others are found.
func (n *Node) meet() {
	current, err := see(n, n.isUp)
	if err != nil || !current {
		return
	}
	known, err := n.knownNodes()
	if err != nil {
		return
	}
	var met []string
	for _, k := range known {
		if k.Info.GetId() != string(n.self.Node) {
			met = append(met, k.Info.GetGossipAddress())
		}
	}
	if before := n.met.Load(); slices.Equal(*before, met) {
		return
	}
	n.met.Store(&met)
	n.gossip.Seek()
	if err := n.place.directory.SetPeers(met); err != nil {
		n.log.Warn("keep the addresses of other nodes for the next start", "error", err)
	}
}

// resolve gives the peer address of a node that lives.
func (n *Node) resolve(id messages.NodeID) (string, bool) {
	for _, m := range n.gossip.Members() {
		if m.Alive && m.Info.GetId() == string(id) {
			return m.Info.GetPeerAddress(), true
		}
	}
	return "", false
}

// holders are the nodes with replicas of a group, as far as this node knows;
// for a group that it knows nothing of, all that live.
func (n *Node) holders(group messages.GroupID) []messages.NodeID {
	if due, err := n.placements(); err == nil {
		for _, p := range due {
			if p.GetGroup() == uint32(group) {
				var out []messages.NodeID
				for _, r := range p.GetReplicas() {
					out = append(out, messages.NodeID(r.GetNode()))
				}
				return out
			}
		}
	}
	var out []messages.NodeID
	for _, m := range n.gossip.Members() {
		if m.Alive {
			out = append(out, messages.NodeID(m.Info.GetId()))
		}
	}
	return out
}

// enterNetwork finds out which network the node belongs to, founds it if there
// is none, and opens the node's replica of the meta group if it has one.
func (n *Node) enterNetwork() error {
	if err := n.outdated(n.network()); err != nil {
		return err
	}
	held, err := n.store.Groups()
	if err != nil {
		return err
	}
	for _, h := range held {
		if h.ID == messages.Meta {
			// A founder that was interrupted has a meta group and no network yet.
			due := &messages.Replica{Node: string(n.self.Node), Incarnation: h.Incarnation, Founder: n.network() == ""}
			if err := n.openDue(n.stopping, messages.Meta, due); err != nil {
				return err
			}
			if n.network() != "" {
				return nil
			}
			return n.found()
		}
	}
	if n.network() != "" {
		return nil // the host asks the others what is due here
	}
	alone := len(n.config.Join) == 0 && n.config.Data != ""
	claim := n.place.seat.Claim
	if alone || len(n.config.Join) > 0 {
		claim = nil
	}
	decision, err := cluster.Settle(n.stopping, cluster.Situation{Self: n.self.Node, Alone: alone, Expect: n.config.Expect}, n.gossip, claim)
	switch {
	case err != nil:
		return err
	case decision.Action == cluster.Join:
		if err := n.outdated(decision.Network); err != nil {
			return err
		}
		return n.belong(decision.Network)
	}
	founder := &messages.Replica{Node: string(n.self.Node), Incarnation: 1, Voter: true, Founder: true}
	if err := n.openDue(n.stopping, messages.Meta, founder); err != nil {
		return err
	}
	return n.found()
}

// found makes the network: its first command, then its id on disk, so that a
// founder that is interrupted goes on founding.
func (n *Node) found() error {
	founded := &messages.Found{NetworkId: uuid.NewString(), Name: "flow", Partitions: uint32(n.config.Partitions), Founder: n.info}
	reply, _, err := n.router.Propose(n.stopping, messages.Meta, founded)
	if err != nil {
		return fmt.Errorf("found a network: %w", err)
	}
	id, err := see(n, func(v kv.View) string { id, _, _ := model.Network(v); return id })
	if err != nil || id == "" {
		return fmt.Errorf("found a network: %v %v", reply.GetError().Err(), err)
	}
	n.log.Info("founded a network", "network", id)
	return n.belong(id)
}

// network is the id of the network that the node belongs to; empty: none yet.
func (n *Node) network() string { return n.place.directory.Identity().Network }

// belong records the network that the node belongs to, and tells the others.
func (n *Node) belong(network string) error {
	if err := n.place.directory.SetNetwork(network); err != nil {
		return err
	}
	n.peers.SetNetwork(network)
	if err := n.gossip.UpdateMeta(n.info, network); err != nil {
		return err
	}
	return n.place.seat.Update(func(e *discovery.Entry) { e.Network, e.Founding = network, false })
}

// loops keep the network as it should be.
type loops struct {
	watch   *cluster.Watch
	align   *cluster.Align
	host    *cluster.Host
	compare *cluster.Compare
}

// kick says that something may have to be set right. It never blocks.
func (n *Node) kick() {
	if l := n.loops.Load(); l != nil {
		l.watch.Kick()
		l.align.Kick()
		l.host.Kick()
	}
}

// live keeps the network as it should be until the node stops.
func (n *Node) live() {
	l := &loops{
		align: cluster.NewAlign(cluster.AlignConfig{Self: n.self.Node, Groups: n.configurations, Placements: n.placements, Router: n.router, Unfit: n.unfit, Logger: n.log}),
		host: cluster.NewHost(cluster.HostConfig{Self: n.self.Node, Opened: n.opened, Placements: n.duePlacements, Router: n.router,
			Open: n.openDue, Remove: n.replicas.remove, Logger: n.log}),
		compare: cluster.NewCompare(cluster.CompareConfig{Self: n.self.Node, Groups: n.compared, Digest: n.router.Digest, Logger: n.log}),
		watch: cluster.NewWatch(cluster.WatchConfig{NetworkID: n.network(), Leads: n.leadsMeta, Members: n.gossip.Members, Nodes: n.knownNodes,
			Placements: n.placements, Next: n.nextPlacement, Raise: n.nextLevel, Router: n.router, Now: n.boundary.now, Logger: n.log}),
	}
	n.loops.Store(l)
	for _, run := range []func(context.Context){l.watch.Run, l.align.Run, l.host.Run, l.compare.Run, n.followModel, n.followMembers, n.measure, n.heedRefusal, n.expireQueues} {
		n.tasks.Go(func() { run(n.stopping) })
	}
}

// followMembers reacts to nodes that come and go.
func (n *Node) followMembers(ctx context.Context) {
	changed := n.gossip.Subscribe()
	for {
		for _, m := range n.gossip.Members() {
			if id := messages.NodeID(m.Info.GetId()); !m.Alive || n.removed(id) {
				n.peers.Drop(id)
			}
		}
		if err := n.outdated(n.network()); err != nil {
			n.fail(err)
		}
		n.partitions(n.tellGone)
		n.kick()
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// refusalGrace is how long a node that was refused may take to find its own.
const refusalGrace = 3 * time.Second

// heedRefusal ends a node that was told to join a network and cannot, since it
// belongs to another one. Where others of its own live, a wrong address among
// those to join is no reason to stop.
func (n *Node) heedRefusal(ctx context.Context) {
	select {
	case <-time.After(refusalGrace):
	case <-ctx.Done():
		return
	}
	for _, m := range n.gossip.Members() {
		if m.Alive && m.Info.GetId() != string(n.self.Node) {
			return
		}
	}
	if err := n.gossip.Refusal(); err != nil && len(n.config.Join) > 0 {
		n.fail(err)
	}
}

// tellGone tells a partition whose sessions are over: those of nodes that died,
// and of earlier starts of those that live.
func (n *Node) tellGone(p *actors.Partition) {
	for _, m := range n.gossip.Members() {
		over := m.Info.GetBoot()
		if m.Alive {
			over--
		}
		p.NodeGone(messages.NodeID(m.Info.GetId()), over)
	}
}

func (n *Node) leadsMeta() bool {
	r := n.replicas.get(messages.Meta)
	return r != nil && r.IsLeader()
}

func (n *Node) configurations() map[messages.GroupID]cluster.Configuration {
	out := map[messages.GroupID]cluster.Configuration{}
	for id, r := range n.replicas.all() {
		out[id] = r
	}
	return out
}

func (n *Node) compared() map[messages.GroupID]cluster.Compared {
	out := map[messages.GroupID]cluster.Compared{}
	for id, r := range n.replicas.all() {
		out[id] = r
	}
	return out
}

func (n *Node) opened() map[messages.GroupID]uint64 {
	out := map[messages.GroupID]uint64{}
	for id, r := range n.replicas.all() {
		out[id] = r.Incarnation()
	}
	return out
}

// duePlacements is what is due of each group: from this node's replica of the
// model, or, before it has one, from a node that has.
func (n *Node) duePlacements(ctx context.Context) ([]*messages.GroupPlacement, error) {
	if n.replicas.get(messages.Meta) != nil {
		return n.placements()
	}
	return n.router.FetchPlacements(ctx)
}

// knownNodes are the nodes that the model has.
func (n *Node) knownNodes() ([]cluster.KnownNode, error) {
	return see(n, func(v kv.View) (known []cluster.KnownNode) {
		nodes, _ := model.List(v, messages.Kind_KIND_NODE, model.Filter{}, "", messages.MaxPageRows)
		for _, o := range nodes {
			m, up := o.GetNode(), o.GetStatus() == model.Up
			trouble := ""
			if up {
				trouble = o.GetMessage()
			}
			known = append(known, cluster.KnownNode{Up: up, Info: &messages.NodeInfo{
				Id: o.GetId(), Name: o.GetName(), Boot: m.GetBoot(), Cpus: m.GetCpus(), ApiAddress: m.GetApiAddress(),
				PeerAddress: m.GetPeerAddress(), GossipAddress: m.GetGossipAddress(), Hostname: m.GetHostname(), Version: m.GetVersion(), FeatureLevel: m.GetFeatureLevel(), Trouble: trouble}})
		}
		return known
	})
}

// nextLevel says whether the network's feature level can be raised.
func (n *Node) nextLevel() (level uint32, raise bool) {
	_, err := see(n, func(v kv.View) any { level, raise = model.NextFeatureLevel(v); return nil })
	return level, raise && err == nil
}

// nextPlacement decides the next change to what is due.
func (n *Node) nextPlacement(actual map[messages.GroupID][]cluster.Server) (*messages.PlaceGroup, error) {
	now := n.boundary.now().UnixMicro()
	return see(n, func(v kv.View) *messages.PlaceGroup {
		var groups []placement.Group
		for _, due := range model.Groups(v) {
			g := placement.Group{Due: due}
			for _, s := range actual[messages.GroupID(due.GetGroup())] {
				g.Actual = append(g.Actual, placement.Server{Node: string(s.Node), Incarnation: s.Incarnation, Voter: s.Voter, CaughtUp: s.CaughtUp})
			}
			groups = append(groups, g)
		}
		return placement.NextReplicas(groups, model.Members(v), now)
	})
}

// openDue opens a replica that is due here. A disk that has lost what the
// replica had promised to others must not serve under this node's id again.
func (n *Node) openDue(_ context.Context, group messages.GroupID, due *messages.Replica) error {
	err := n.replicas.openDue(group, due)
	if errors.Is(err, raftstore.ErrLostState) || errors.Is(err, raftstore.ErrDiverged) {
		err = n.damaged(err)
		n.fail(err)
	}
	return err
}

// damaged says what to do about a disk that does not hold what was written.
func (n *Node) damaged(err error) error {
	if !errors.Is(err, raftstore.ErrCorrupt) && !errors.Is(err, raftstore.ErrLostState) && !errors.Is(err, raftstore.ErrDiverged) {
		return err
	}
	return fmt.Errorf("%w: set %s aside and start the node with an empty data directory, the same --name, and --join with a member's gossip address; it gets its data from the others. A node that is alone must be restored from a copy", err, n.place.path)
}
