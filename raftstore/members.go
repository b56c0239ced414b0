package raftstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
)

// Member is one replica of a group, as the group's latest configuration has it.
type Member struct {
	Node        messages.NodeID
	Incarnation uint64
	Voter       bool
}

// Members are the group's replicas as far as this one knows; the last change
// may not be committed yet.
func (g *Group) Members() []Member {
	var out []Member
	for _, s := range g.raft.Load().GetConfiguration().Configuration().Servers {
		node, incarnation, _ := strings.Cut(string(s.ID), "/")
		n, _ := strconv.ParseUint(incarnation, 10, 64)
		out = append(out, Member{messages.NodeID(node), n, s.Suffrage == raft.Voter})
	}
	return out
}

// AddNonvoter adds a replica that follows the log without a vote. One node can
// have one replica only: an older incarnation must be removed first.
func (g *Group) AddNonvoter(ctx context.Context, node messages.NodeID, incarnation uint64) error {
	return g.change(ctx, "add replica", node, incarnation, func(r *raft.Raft, id raft.ServerID, wait time.Duration) raft.Future {
		return r.AddNonvoter(id, raft.ServerAddress(node), 0, wait)
	})
}

// Promote gives a replica a vote.
func (g *Group) Promote(ctx context.Context, node messages.NodeID, incarnation uint64) error {
	return g.change(ctx, "promote replica", node, incarnation, func(r *raft.Raft, id raft.ServerID, wait time.Duration) raft.Future {
		return r.AddVoter(id, raft.ServerAddress(node), 0, wait)
	})
}

// Demote takes a replica's vote.
func (g *Group) Demote(ctx context.Context, node messages.NodeID, incarnation uint64) error {
	return g.change(ctx, "demote replica", node, incarnation, func(r *raft.Raft, id raft.ServerID, wait time.Duration) raft.Future {
		return r.DemoteVoter(id, 0, wait)
	})
}

// RemoveMember removes a replica from the group. Removing the leader itself
// ends its leadership.
func (g *Group) RemoveMember(ctx context.Context, node messages.NodeID, incarnation uint64) error {
	return g.change(ctx, "remove replica", node, incarnation, func(r *raft.Raft, id raft.ServerID, wait time.Duration) raft.Future {
		return r.RemoveServer(id, 0, wait)
	})
}

// maxChange bounds how long a change waits for the one before it.
const maxChange = 10 * time.Second

func (g *Group) change(ctx context.Context, op string, node messages.NodeID, incarnation uint64, begin func(*raft.Raft, raft.ServerID, time.Duration) raft.Future) error {
	if g.stopped() {
		return g.errFailed(op)
	}
	if !g.IsLeader() {
		return g.errNotLeader(op)
	}
	wait := maxChange
	if deadline, ok := ctx.Deadline(); ok {
		wait = max(min(wait, time.Until(deadline)), time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*maxChange)
	defer cancel()
	id := serverID(node, incarnation)
	err := settle(ctx, begin(g.raft.Load(), id, wait), g.halted)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipLost), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return g.errNotLeader(op)
	default:
		return messages.Errorf(messages.Unavailable, op, fmt.Sprintf("%s of %s", id, g.subject()), "%v", err)
	}
}

const (
	// fresh is how old a follower's last answer may be to speak for it.
	fresh = 2 * time.Second
	// maxLag is how far behind a follower's log may be that counts as caught up.
	maxLag = 5 * time.Second
)

// CaughtUp says whether a follower answers, and its log has all that this
// leader's had a moment ago. What it has applied it knows itself.
func (g *Group) CaughtUp(node messages.NodeID, incarnation uint64) bool {
	if id := serverID(node, incarnation); id != g.self() {
		p, ok := g.peers.get(id)
		return ok && g.IsLeader() && p.term == g.Term() && time.Since(p.when) < fresh && time.Since(p.holds) < maxLag
	}
	return g.IsLeader()
}

// TransferLeadership passes leadership to the voter that was heard most
// recently to have the most of the log.
func (g *Group) TransferLeadership(ctx context.Context) error {
	const op = "transfer leadership"
	if !g.IsLeader() {
		return g.errNotLeader(op)
	}
	var to Member
	var best peer
	for _, m := range g.Members() {
		p, ok := g.peers.get(serverID(m.Node, m.Incarnation))
		if ok && m.Voter && p.term == g.Term() && time.Since(p.when) < g.store.config.Heartbeat && p.last >= best.last {
			to, best = m, p
		}
	}
	if to.Node == "" {
		return messages.Errorf(messages.Unavailable, op, g.subject(), "no other voter is reachable")
	}
	defer g.peers.hand()()
	f := g.raft.Load().LeadershipTransferToServer(serverID(to.Node, to.Incarnation), raft.ServerAddress(to.Node))
	if err := settle(ctx, f, g.halted); err != nil {
		return messages.Errorf(messages.Unavailable, op, g.subject(), "%v", err)
	}
	return nil
}
