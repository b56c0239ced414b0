package actors

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// Proposer puts commands into the logs of groups, from any node. It tries
// again over changes of leader until the context ends.
type Proposer interface {
	Propose(ctx context.Context, group messages.GroupID, m proto.Message) (*messages.Reply, *messages.Position, error)
}

// Pauses between tries of a command that could not be proposed.
const (
	proposeAgainFirst = 20 * time.Millisecond
	proposeAgainMax   = time.Second
)

// settle proposes a command until the group has answered it. An error means
// that the context has ended; a refusal is in the reply.
func settle(ctx context.Context, p Proposer, group messages.GroupID, m proto.Message) (*messages.Reply, error) {
	pause := proposeAgainFirst
	for {
		reply, _, err := p.Propose(ctx, group, m)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil && reply.GetError() != nil {
			err = reply.Error.Err()
		}
		if err == nil {
			return reply, nil
		}
		if !passing(err) {
			return &messages.Reply{Error: messages.InfoOf(err)}, nil
		}
		if !sleep(ctx, pause) {
			return nil, ctx.Err()
		}
		pause = min(2*pause, proposeAgainMax)
	}
}

// passing says whether an error may go away by itself.
func passing(err error) bool {
	var known *messages.Error
	if !errors.As(err, &known) {
		return true // of the transport
	}
	switch messages.KindError(known.Kind) {
	case messages.Unavailable, messages.NotLeader, messages.Exhausted, messages.Deadline:
		return true
	}
	return false
}

// sleep waits; false: the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
