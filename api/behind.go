package api

import (
	"context"
	"time"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

const (
	// behindLimit is how long a read waits for a place that its group's log has
	// not come to. One that this network gave out is there already, since it was
	// committed first.
	behindLimit = 5 * time.Second
	behindPause = 100 * time.Millisecond
)

// index gives an index of a group that has everything that was acknowledged
// before, and what stands at after if that is a place in this group.
func (r *reads) index(ctx context.Context, group messages.GroupID, after *messages.Position) (uint64, error) {
	if err := r.isPlace(ctx, after); err != nil {
		return 0, err
	}
	if plant.On(plant.StaleRead) {
		return 0, nil
	}
	limit := time.NewTimer(behindLimit)
	defer limit.Stop()
	for {
		index, err := r.cluster.ReadIndex(ctx, group)
		if err != nil || after == nil || after.Group != uint32(group) || after.Index <= index {
			return index, err
		}
		select {
		case <-time.After(behindPause):
		case <-limit.C:
			return 0, messages.Errorf(messages.Invalid, "", "", "it is to be read as of index %d of %s, whose log ends at %d", after.Index, group.Name(), index).
				WithHint("send the position that an answer of this network had, or none")
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// isPlace refuses a place in a group that there is not.
func (r *reads) isPlace(ctx context.Context, after *messages.Position) error {
	if after == nil || after.Group == uint32(messages.Meta) {
		return nil
	}
	there, err := r.holdsCalls(ctx, messages.GroupID(after.Group))
	if err == nil && !there {
		err = messages.Errorf(messages.Invalid, "", "", "it is to be read as of a place in group %d, and there is no such group", after.Group).
			WithHint("send the position that an answer of this network had, or none")
	}
	return err
}
