package raftstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
)

// How long to wait before the next try.
const (
	retryFull   = 100 * time.Millisecond
	retryDisk   = 5 * time.Second
	retryLeader = 50 * time.Millisecond
)

func (g *Group) subject() string { return g.id.Name() }

func (g *Group) errNotLeader(op string) *messages.Error {
	e := messages.Errorf(messages.NotLeader, op, g.subject(), "this replica does not lead")
	if leader, ok := g.Leader(); ok && leader != g.store.config.Node {
		e.Leader = leader
	}
	e.RetryAfter = retryLeader
	return e
}

func (g *Group) errFailed(op string) *messages.Error {
	reason := "it is closed"
	if err := g.Err(); err != nil {
		reason = err.Error()
	}
	return messages.Errorf(messages.Unavailable, op, g.subject(), "this replica has stopped: %s", reason)
}

// errCramped refuses new data because of the nodes whose disks are short.
func (g *Group) errCramped(op string, short []string) *messages.Error {
	slices.Sort(short)
	e := messages.Errorf(messages.Exhausted, op, g.subject(), "disk full: less than the reserve is free on %s, and most voters must have more", strings.Join(short, ", ")).
		WithHint("make room on the disk, or wait for calls to end")
	e.RetryAfter = retryDisk
	return e
}

// refusal says what a failure of raft means to who proposed something.
func (g *Group) refusal(op string, err error) *messages.Error {
	var refused *messages.Error
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return g.errNotLeader(op)
	case errors.Is(err, errFull):
		e := messages.Errorf(messages.Exhausted, op, g.subject(), "%v", errFull)
		e.RetryAfter = retryFull
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return messages.Errorf(messages.Deadline, op, g.subject(), "not answered in time; the outcome is unknown").
			WithHint("send it again with the same key")
	}
	e := messages.Errorf(messages.Unavailable, op, g.subject(), "the outcome is unknown: %v", err).
		WithHint("send it again with the same key")
	e.RetryAfter = retryLeader
	return e
}
