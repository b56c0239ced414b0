package api

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// reads reads the model's replica on this node.
type reads struct {
	cluster Cluster
	replica Model

	// known is the highest group that was seen to hold calls. There are never
	// fewer, so that most ids are known to be good without a look at the model.
	known atomic.Uint32
}

// latest reads a state that has everything that was acknowledged before it was
// asked for, and what stands at after. Who waits on Model.Changed for later
// ones must take the channel before.
func (r *reads) latest(ctx context.Context, after *messages.Position, read func(view kv.View, applied uint64) error) error {
	index, err := r.index(ctx, messages.Meta, after)
	if err != nil {
		return err
	}
	if err := r.replica.WaitApplied(ctx, index); err != nil {
		return err
	}
	return r.replica.View(ctx, read)
}

// partitions gives the groups that hold calls, as this node's replica of the
// model knows them; one that has just joined and knows none asks the leader.
func (r *reads) partitions(ctx context.Context) (groups []messages.GroupID, err error) {
	read := func(view kv.View, _ uint64) error {
		groups = partitionsIn(view)
		return nil
	}
	if err = r.replica.View(ctx, read); err == nil && len(groups) == 0 {
		err = r.latest(ctx, nil, read)
	}
	return groups, err
}

func partitionsIn(view kv.View) (groups []messages.GroupID) {
	_, n, _ := model.Network(view)
	for group := range messages.GroupID(n) {
		groups = append(groups, group+1) // 0 is the meta group
	}
	return groups
}

// holdsCalls says whether a group is one that holds calls.
func (r *reads) holdsCalls(ctx context.Context, group messages.GroupID) (bool, error) {
	if group != messages.Meta && uint32(group) <= r.known.Load() {
		return true, nil
	}
	groups, err := r.partitions(ctx)
	if err == nil && len(groups) > 0 {
		r.known.Store(uint32(groups[len(groups)-1]))
	}
	return slices.Contains(groups, group), err
}

// notFound is the error for a name that the model does not have, with those
// that look like it.
func notFound(view kv.View, op string, kind messages.Kind, name string) error {
	word := kindWord(kind)
	if name == "" {
		return messages.Errorf(messages.Invalid, op, word, "no name is given")
	}
	err := messages.Errorf(messages.NotFound, op, word+" "+name, "there is no such %s", word)
	if near := model.Nearest(view, kind, name); len(near) > 0 {
		return err.WithHint("did you mean %s?", strings.Join(near, ", "))
	}
	return err.WithHint("`flowcli ls %s` shows what there is", word)
}

// kindWord is the product's word for a kind: "queue".
func kindWord(kind messages.Kind) string {
	if kind == messages.Kind_KIND_UNSPECIFIED {
		return "object"
	}
	return strings.ToLower(strings.TrimPrefix(kind.String(), "KIND_"))
}
