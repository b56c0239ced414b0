package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/cluster/gossip"
	"github.com/elasticcode/flow/messages"
)

// KnownNode is a node as the model has it.
type KnownNode struct {
	Info *messages.NodeInfo
	Up   bool
}

// WatchConfig says what a watch works with.
type WatchConfig struct {
	NetworkID string
	Leads     func() bool                 // this node leads the meta group
	Members   func() []gossip.Member      // who lives, as gossip has it
	Nodes     func() ([]KnownNode, error) // the model's nodes
	// Placements reads what is due of each group from the model.
	Placements func() ([]*messages.GroupPlacement, error)
	// Next gives the next change to what is due, from the groups' actual
	// servers; a group that does not answer is missing. nil: none now.
	Next func(actual map[messages.GroupID][]Server) (*messages.PlaceGroup, error)
	// Raise gives the feature level that the network can be raised to by now.
	Raise  func() (level uint32, raise bool)
	Router interface {
		Proposer
		Servers(ctx context.Context, group messages.GroupID) ([]Server, error)
	}
	Now    func() time.Time
	Logger *slog.Logger
}

// Watch runs on every node, and works where the meta group is led: it tells the
// model who lives, and takes the groups' replicas step by step to where they
// should be.
type Watch struct {
	loop
	config  WatchConfig
	leading time.Time            // since when; zero: it does not lead
	placed  time.Time            // when placements were looked at last
	rests   bool                 // all replicas were in their places then
	told    atomic.Bool          // that something may have changed since
	refused map[string]time.Time // nodes, and when the model refused them
}

// NewWatch makes a watch; Run starts it.
func NewWatch(c WatchConfig) *Watch {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Watch{loop: newLoop(), config: c, refused: map[string]time.Time{}}
}

const (
	// unseenGrace is how long a leader waits for gossip of a node that the model
	// has up, before it takes the node for gone.
	unseenGrace = 5 * time.Second
	// refusedPause is the pause before a node that the model refused is told of
	// again, e.g. one that has the name of another that is up.
	refusedPause = 3 * time.Second
	// serversPatience bounds how long one group may hold up the others.
	serversPatience = time.Second
	// askAgain is how long groups whose replicas are in their places are not asked for
	// them: each that is has its leader confirmed by a majority.
	askAgain = 15 * time.Second
)

// Run watches until the context ends. It is to be kicked when gossip's members
// or the meta group's state or leader change.
func (w *Watch) Run(ctx context.Context) { w.run(ctx, w.look) }

// Kick says that something may have changed. It never blocks.
func (w *Watch) Kick() {
	w.told.Store(true)
	w.loop.Kick()
}

func (w *Watch) look(ctx context.Context) (settled bool) {
	now, told := w.config.Now(), w.told.Swap(false)
	if !w.config.Leads() {
		w.leading, w.rests = time.Time{}, false
		return true
	}
	if w.leading.IsZero() {
		w.leading = now
		clear(w.refused)
	}
	known, err := w.config.Nodes()
	if err != nil {
		w.config.Logger.Warn("read nodes", "error", err)
		w.rests = w.rests && !told
		return false
	}
	changes := nodeChanges(w.config.NetworkID, w.config.Members(), known, now.Sub(w.leading) > unseenGrace)
	for _, c := range changes {
		w.tell(ctx, c, now)
	}
	if len(changes) == 0 {
		w.raise(ctx)
	}
	w.rests = w.rests && !told && len(changes) == 0
	switch {
	case w.rests && now.Sub(w.placed) < askAgain:
	case len(changes) == 0 && now.Sub(w.placed) < restless:
		return false // kicked often, as by a busy model: groups are asked now and then
	default:
		w.placed = now
		w.rests = !w.place(ctx) && len(changes) == 0
	}
	return w.rests && now.Sub(w.leading) > unseenGrace
}

// tell proposes a change of a node, unless the model has just refused it.
func (w *Watch) tell(ctx context.Context, change proto.Message, now time.Time) {
	up, isUp := change.(*messages.NodeUp)
	node := up.GetNode().GetId()
	if at, ok := w.refused[node]; isUp && ok && now.Sub(at) < refusedPause {
		return
	}
	err := w.propose(ctx, change)
	switch {
	case err == nil && isUp:
		delete(w.refused, node)
		return
	case err == nil:
		clear(w.refused) // a name may be free now, for a machine with an empty disk
		return
	}
	w.config.Logger.Warn("tell the model of a node", "change", fmt.Sprintf("%T", change), "peer", node, "error", err)
	if isUp {
		w.refused[node] = now
	}
}

// raise raises the network's feature level, once all nodes support more.
func (w *Watch) raise(ctx context.Context) {
	level, raise := w.config.Raise()
	if !raise {
		return
	}
	if err := w.propose(ctx, &messages.RaiseFeatureLevel{Level: level}); err != nil {
		w.config.Logger.Warn("raise the network's feature level", "feature_level", level, "error", err)
		return
	}
	w.config.Logger.Info("the network's feature level was raised", "feature_level", level)
}

func (w *Watch) propose(ctx context.Context, m proto.Message) error {
	ctx, cancel := context.WithTimeout(ctx, courierPatience)
	defer cancel()
	reply, _, err := w.config.Router.Propose(ctx, messages.Meta, m)
	if err == nil {
		err = reply.GetError().Err()
	}
	return err
}

// place makes the next changes to what is due, and says whether anything is
// under way.
func (w *Watch) place(ctx context.Context) (busy bool) {
	for ctx.Err() == nil && w.config.Leads() {
		due, err := w.config.Placements()
		if err != nil {
			w.config.Logger.Warn("read placements", "error", err)
			return true
		}
		actual := w.servers(ctx, due)
		next, err := w.config.Next(actual)
		if err == nil && next != nil {
			err = w.propose(ctx, next)
		}
		if err != nil {
			w.config.Logger.Warn("place replicas", "error", err)
			return true
		}
		if next == nil {
			return !settled(due, actual, w.alive())
		}
		w.config.Logger.Info("replicas are due elsewhere", "group", messages.GroupID(next.GetGroup()).Name(), "replicas", len(next.GetReplicas()))
	}
	return true
}

func (w *Watch) servers(ctx context.Context, due []*messages.GroupPlacement) map[messages.GroupID][]Server {
	actual := map[messages.GroupID][]Server{}
	for _, d := range due {
		group := messages.GroupID(d.GetGroup())
		limited, cancel := context.WithTimeout(ctx, serversPatience)
		servers, err := w.config.Router.Servers(limited, group)
		cancel()
		if err == nil {
			actual[group] = servers
		}
	}
	return actual
}

func (w *Watch) alive() map[messages.NodeID]bool {
	alive := map[messages.NodeID]bool{}
	for _, m := range w.config.Members() {
		alive[messages.NodeID(m.Info.GetId())] = m.Alive
	}
	return alive
}

// settled says whether each group's servers are what is due, as far as the
// nodes that live are concerned.
func settled(due []*messages.GroupPlacement, actual map[messages.GroupID][]Server, alive map[messages.NodeID]bool) bool {
	for _, d := range due {
		servers := actual[messages.GroupID(d.GetGroup())]
		for _, s := range servers {
			if replicaOf(d.GetReplicas(), s.Node) == nil {
				return false
			}
		}
		for _, r := range d.GetReplicas() {
			s := serverOf(servers, r)
			if alive[messages.NodeID(r.GetNode())] && (s == nil || s.Voter != r.GetVoter() || !s.CaughtUp) {
				return false
			}
		}
	}
	return true
}

func replicaOf(replicas []*messages.Replica, node messages.NodeID) *messages.Replica {
	for _, r := range replicas {
		if r.GetNode() == string(node) {
			return r
		}
	}
	return nil
}

// nodeChanges gives what the model must be told of nodes. unseen: whoever is
// not heard of by now is gone.
func nodeChanges(network string, members []gossip.Member, known []KnownNode, unseen bool) []proto.Message {
	var changes []proto.Message
	heard := map[string]gossip.Member{}
	for _, m := range members {
		heard[m.Info.GetId()] = m
	}
	has := map[string]KnownNode{}
	for _, k := range known {
		has[k.Info.GetId()] = k
		m, ok := heard[k.Info.GetId()]
		current := ok && m.Info.GetBoot() >= k.Info.GetBoot()
		switch {
		case !k.Up || current && m.Alive:
		case current:
			changes = append(changes, &messages.NodeDown{Node: k.Info.GetId(), Boot: k.Info.GetBoot(), Reason: "it does not answer any more"})
		case unseen:
			changes = append(changes, &messages.NodeDown{Node: k.Info.GetId(), Boot: k.Info.GetBoot(), Reason: "it has not been heard of"})
		}
	}
	for _, m := range members {
		k, ok := has[m.Info.GetId()]
		if m.Alive && m.NetworkID == network && m.Info.GetBoot() >= k.Info.GetBoot() && (!ok || !k.Up || differ(m.Info, k.Info)) {
			changes = append(changes, &messages.NodeUp{Node: m.Info})
		}
	}
	return changes
}

// differ compares what does not change while a node runs undisturbed.
func differ(a, b *messages.NodeInfo) bool {
	return a.GetName() != b.GetName() || a.GetBoot() != b.GetBoot() || a.GetCpus() != b.GetCpus() || a.GetVersion() != b.GetVersion() || a.GetFeatureLevel() != b.GetFeatureLevel() || a.GetTrouble() != b.GetTrouble() ||
		a.GetApiAddress() != b.GetApiAddress() || a.GetPeerAddress() != b.GetPeerAddress() || a.GetGossipAddress() != b.GetGossipAddress()
}
