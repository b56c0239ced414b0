package cluster

import (
	"context"
	"log/slog"
	"slices"

	"github.com/elasticcode/flow/messages"
)

// HostConfig says what a host works with.
type HostConfig struct {
	Self messages.NodeID
	// Opened gives the replicas that are open on this node: their incarnations.
	Opened func() map[messages.GroupID]uint64
	// Placements gives what is due of each group: from this node's replica of
	// the meta group if it has one, else Router.FetchPlacements.
	Placements func(ctx context.Context) ([]*messages.GroupPlacement, error)
	Router     interface {
		Servers(ctx context.Context, group messages.GroupID) ([]Server, error)
	}
	// Open opens a replica, and makes it if need be.
	Open func(ctx context.Context, group messages.GroupID, r *messages.Replica) error
	// Remove closes a replica and erases it.
	Remove func(ctx context.Context, group messages.GroupID, incarnation uint64) error
	Logger *slog.Logger
}

// Host runs on every node, and opens and removes the replicas there as is due.
type Host struct {
	loop
	config HostConfig
	gone   map[replicaID]int    // how often in a row a group said that it dropped a replica
	failed map[replicaID]string // why it could not be opened or removed: logged once
}

type replicaID struct {
	group       messages.GroupID
	incarnation uint64
}

// NewHost makes a host; Run starts it. Replicas that the disk holds are to be
// opened before: without them a network that was down has no placements.
func NewHost(c HostConfig) *Host {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Host{loop: newLoop(), config: c, gone: map[replicaID]int{}, failed: map[replicaID]string{}}
}

// goneOften is how often, a look apart, a group's leader must say that it has
// dropped a replica before the replica is erased: the first time, the change
// may not be committed yet.
const goneOften = 2

// Run opens and removes until the context ends. It is to be kicked when
// placements change.
func (h *Host) Run(ctx context.Context) { h.run(ctx, h.look) }

func (h *Host) look(ctx context.Context) (settled bool) {
	placements, err := h.config.Placements(ctx)
	if err != nil {
		h.config.Logger.Debug("read placements", "error", err)
		return false
	}
	opened := h.config.Opened()
	// Only a node that follows the meta group hears of what becomes due later.
	_, follows := opened[messages.Meta]
	open, surplus := hosting(h.config.Self, placements, opened)
	for group, r := range open {
		h.log("open a replica", replicaID{group, r.GetIncarnation()}, h.config.Open(ctx, group, r))
	}
	for _, id := range surplus {
		if h.dropped(ctx, id) {
			h.log("remove a replica", id, h.config.Remove(ctx, id.group, id.incarnation))
		}
	}
	return follows && len(open) == 0 && len(surplus) == 0
}

// dropped asks a group's leader whether a replica is one of its servers.
func (h *Host) dropped(ctx context.Context, id replicaID) bool {
	limited, cancel := context.WithTimeout(ctx, serversPatience)
	defer cancel()
	servers, err := h.config.Router.Servers(limited, id.group)
	if err != nil || slices.ContainsFunc(servers, func(s Server) bool {
		return s.Node == h.config.Self && s.Incarnation == id.incarnation
	}) {
		delete(h.gone, id)
		return false
	}
	h.gone[id]++
	return h.gone[id] >= goneOften
}

func (h *Host) log(what string, id replicaID, err error) {
	logger := h.config.Logger.With("group", id.group.Name(), "incarnation", id.incarnation)
	switch {
	case err == nil:
		delete(h.failed, id)
		delete(h.gone, id)
		logger.Info(what)
	case h.failed[id] != err.Error():
		h.failed[id] = err.Error()
		logger.Warn(what, "error", err)
	}
}

// hosting compares what is due of a node with what is open there. A replica of
// an earlier incarnation must go before the later one can be opened.
func hosting(self messages.NodeID, placements []*messages.GroupPlacement, opened map[messages.GroupID]uint64) (open map[messages.GroupID]*messages.Replica, surplus []replicaID) {
	open = map[messages.GroupID]*messages.Replica{}
	for _, p := range placements {
		if r := replicaOf(p.GetReplicas(), self); r != nil {
			open[messages.GroupID(p.GetGroup())] = r
		}
	}
	for group, incarnation := range opened {
		if r, due := open[group]; !due || r.GetIncarnation() != incarnation {
			surplus = append(surplus, replicaID{group, incarnation})
		}
		delete(open, group)
	}
	slices.SortFunc(surplus, func(a, b replicaID) int { return int(a.group) - int(b.group) })
	return open, surplus
}
