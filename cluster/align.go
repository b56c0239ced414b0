package cluster

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
)

// Configuration is what changes a group's servers: its replica on this node.
type Configuration interface {
	Leader() (messages.NodeID, bool)
	Servers() []Server
	AddNonvoter(ctx context.Context, node messages.NodeID, incarnation uint64) error
	Promote(ctx context.Context, node messages.NodeID, incarnation uint64) error
	Demote(ctx context.Context, node messages.NodeID, incarnation uint64) error
	RemoveMember(ctx context.Context, node messages.NodeID, incarnation uint64) error
	TransferLeadership(ctx context.Context) error
}

// AlignConfig says what an align works with.
type AlignConfig struct {
	Self messages.NodeID
	// Groups gives the groups with a replica on this node.
	Groups func() map[messages.GroupID]Configuration
	// Placements reads what is due of each group from this node's replica of
	// the meta group, which may lag: after a start, by all that the log has yet
	// to bring.
	Placements func() ([]*messages.GroupPlacement, error)
	Router     interface {
		// FetchPlacements gives what is due now. A change is made on no other
		// word: an old one would take votes from replicas that came since.
		FetchPlacements(ctx context.Context) ([]*messages.GroupPlacement, error)
		Hosted(ctx context.Context, node messages.NodeID, group messages.GroupID) (*messages.HostedResponse, error)
	}
	// Unfit says why this node must not lead any group; "": it may.
	Unfit  func() string
	Logger *slog.Logger
}

// Align runs on every node, and brings the servers of each group that the node
// leads in line with what is due, one change at a time.
type Align struct {
	loop
	config AlignConfig

	mu     sync.Mutex
	failed map[messages.GroupID]string // why the last change failed: logged once
}

// NewAlign makes an align; Run starts it.
func NewAlign(c AlignConfig) *Align {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Unfit == nil {
		c.Unfit = func() string { return "" }
	}
	return &Align{loop: newLoop(), config: c, failed: map[messages.GroupID]string{}}
}

// changeLimit bounds one change of a group's servers.
const changeLimit = 5 * time.Second

// maxSteps bounds the changes of one look: a group that does not get any
// further must not keep it from the others.
const maxSteps = 16

// Run aligns until the context ends. It is to be kicked when the node begins to
// lead a group, and when placements change.
func (a *Align) Run(ctx context.Context) { a.run(ctx, a.look) }

func (a *Align) look(ctx context.Context) (settled bool) {
	placements, err := a.config.Placements()
	if err != nil {
		a.config.Logger.Debug("read placements", "error", err)
		return false
	}
	groups := a.config.Groups()
	latest := sync.OnceValues(func() ([]*messages.GroupPlacement, error) { return a.fetch(ctx) })
	var all sync.WaitGroup
	done := make([]bool, len(placements))
	for i, p := range placements {
		done[i] = true
		if g, ok := groups[messages.GroupID(p.GetGroup())]; ok {
			all.Go(func() { done[i] = a.align(ctx, p, g, latest) })
		}
	}
	all.Wait()
	for _, d := range done {
		if !d {
			return false
		}
	}
	return true
}

func (a *Align) fetch(ctx context.Context) ([]*messages.GroupPlacement, error) {
	ctx, cancel := context.WithTimeout(ctx, serversPatience)
	defer cancel()
	return a.config.Router.FetchPlacements(ctx)
}

// align makes changes while there are any to make, and says whether the group's
// servers are what is due. latest is asked once there is something to change.
func (a *Align) align(ctx context.Context, p *messages.GroupPlacement, g Configuration, latest func() ([]*messages.GroupPlacement, error)) bool {
	absent, current := map[messages.NodeID]bool{}, false
	for range maxSteps {
		if leader, ok := g.Leader(); !ok || leader != a.config.Self {
			return true // its leader's business
		}
		if why := a.config.Unfit(); why != "" {
			return a.yield(ctx, p.GetGroup(), g, why)
		}
		s, waiting := nextStep(p.GetReplicas(), a.servers(ctx, p, g), a.config.Self, absent)
		if s.action == rest {
			return !waiting
		}
		if !current {
			if p, current = find(p.GetGroup(), latest); !current {
				return false
			}
			continue
		}
		if s.action == add && !a.opened(ctx, messages.GroupID(p.GetGroup()), s) {
			absent[s.node] = true
			continue
		}
		err := a.take(ctx, g, s)
		a.log(messages.GroupID(p.GetGroup()), s, err)
		if err != nil {
			return false
		}
	}
	return false
}

// yield hands over a group that this node must not lead. Where no other voter
// can take it, it stays: a group that serves is better than none.
func (a *Align) yield(ctx context.Context, group uint32, g Configuration, why string) (settled bool) {
	s := step{action: transfer, node: a.config.Self}
	err := a.take(ctx, g, s)
	if err == nil {
		a.config.Logger.Warn("handed leadership over", "group", messages.GroupID(group).Name(), "reason", why)
	}
	a.log(messages.GroupID(group), s, err)
	return false
}

// find gives one group of the latest placements, unless they cannot be had now.
func find(group uint32, latest func() ([]*messages.GroupPlacement, error)) (*messages.GroupPlacement, bool) {
	placements, err := latest()
	if err != nil {
		return nil, false
	}
	i := slices.IndexFunc(placements, func(p *messages.GroupPlacement) bool { return p.GetGroup() == group })
	if i < 0 {
		return nil, false
	}
	return placements[i], true
}

// servers are a group's, those that are to get a vote as their own nodes see
// them: a replica's log may be ahead of its state, or hold what no leader has,
// so that the leader cannot tell whether it is current.
func (a *Align) servers(ctx context.Context, p *messages.GroupPlacement, g Configuration) []Server {
	all := g.Servers()
	for i, s := range all {
		if r := replicaOf(p.GetReplicas(), s.Node); !s.Voter && s.CaughtUp && r.GetVoter() {
			h, err := a.hosted(ctx, messages.GroupID(p.GetGroup()), s.Node)
			all[i].CaughtUp = err == nil && h.GetCurrent() && h.GetIncarnation() == s.Incarnation
		}
	}
	return all
}

// opened says whether a server's node has opened its replica. Before that, an
// earlier one that is open there yet would answer for it, be taken for caught
// up, and vanish with what it had acknowledged.
func (a *Align) opened(ctx context.Context, group messages.GroupID, s step) bool {
	h, err := a.hosted(ctx, group, s.node)
	return err == nil && h.GetOpen() && h.GetIncarnation() == s.incarnation
}

func (a *Align) hosted(ctx context.Context, group messages.GroupID, node messages.NodeID) (*messages.HostedResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, serversPatience)
	defer cancel()
	return a.config.Router.Hosted(ctx, node, group)
}

func (a *Align) log(group messages.GroupID, s step, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	logger := a.config.Logger.With("group", group.Name(), "change", s.action.String(), "peer", s.node, "incarnation", s.incarnation)
	switch {
	case err == nil:
		delete(a.failed, group)
		logger.Info("changed a group's servers")
	case a.failed[group] != err.Error():
		a.failed[group] = err.Error()
		logger.Warn("change a group's servers", "error", err)
	}
}

func (a *Align) take(ctx context.Context, g Configuration, s step) error {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	switch s.action {
	case add:
		return g.AddNonvoter(ctx, s.node, s.incarnation)
	case promote:
		return g.Promote(ctx, s.node, s.incarnation)
	case demote:
		return g.Demote(ctx, s.node, s.incarnation)
	case remove:
		return g.RemoveMember(ctx, s.node, s.incarnation)
	case transfer:
		return g.TransferLeadership(ctx)
	}
	return nil
}
