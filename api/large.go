package api

import (
	"context"
	"time"

	"github.com/elasticcode/flow/messages"
)

// sending is one call on its way to its partition. Its large arguments go ahead
// of it.
type sending struct {
	enqueue *messages.Enqueue
	ahead
}

func newSending(cluster Cluster, e *messages.Enqueue) *sending {
	group := messages.CallIDFrom(e.Id).Partition()
	return &sending{e, newAhead(cluster, group, messages.MaxInline, e.Arguments, func(a *messages.Arguments) { e.Arguments = a })}
}

// ahead is what goes to a partition ahead of the command that has some arguments:
// the largest of them, so that no more than most bytes stay.
type ahead struct {
	cluster Cluster
	group   messages.GroupID
	most    int
	whole   *messages.Arguments       // nil: none of them is large
	put     func(*messages.Arguments) // puts those with references into the command
	stowed  time.Time
}

func newAhead(cluster Cluster, group messages.GroupID, most int, args *messages.Arguments, put func(*messages.Arguments)) ahead {
	a := ahead{cluster: cluster, group: group, most: most, put: put}
	if len(messages.Apart(args.Places(), most)) > 0 {
		a.whole = args
	}
	return a
}

func (a *ahead) large() bool { return a.whole != nil }

// stow brings large arguments to the partition, unless they were brought lately:
// they are not kept there for ever, and a call may wait for room for long.
func (a *ahead) stow(ctx context.Context) error {
	if !a.large() || time.Since(a.stowed) < messages.ValueKept/2 {
		return nil
	}
	args := shallow(a.whole)
	a.put(args)
	if err := a.cluster.Stow(ctx, a.group, a.most, true, args.Places()); err != nil {
		return err
	}
	a.stowed = time.Now()
	return nil
}

// shallow copies arguments, but for the texts.
func shallow(a *messages.Arguments) *messages.Arguments {
	copied := &messages.Arguments{Positional: append([][]byte(nil), a.GetPositional()...)}
	for _, n := range a.GetNamed() {
		copied.Named = append(copied.Named, &messages.NamedValue{Name: n.Name, Value: n.Value})
	}
	return copied
}

// forget drops the texts of a request that was accepted: the call may run for
// long, and its client wait for it.
func forget(ctx context.Context, m *messages.RunRequest) {
	m.Data, m.Positional, m.Named = nil, nil, nil
	heldBy(ctx).accept()
}

// toldEnd is the end of a call that was sent just now.
func (t *tasks) toldEnd(ctx context.Context, answer *messages.CallResponse) (*messages.CallInfo, error) {
	if err := t.fetch(ctx, answer.Call); err != nil {
		return nil, err
	}
	return endedInfo(answer), nil
}

// told is a call as people see it, large values included.
func (t *tasks) told(ctx context.Context, c *messages.Call) (*messages.CallInfo, error) {
	if err := t.fetch(ctx, c); err != nil {
		return nil, err
	}
	return callInfo(c), nil
}

// valuesOf gives the places of a call's values.
func valuesOf(c *messages.Call) []*[]byte {
	return append([]*[]byte{&c.Result, &c.Output}, c.Arguments.Places()...)
}

// isApart says whether values of a call are to be fetched.
func isApart(c *messages.Call) bool {
	for _, place := range valuesOf(c) {
		if _, ok := messages.ReadReference(*place); ok {
			return true
		}
	}
	return false
}

// fetch puts a call's large values into their places.
func (t *tasks) fetch(ctx context.Context, c *messages.Call) error {
	group := messages.CallIDFrom(c.Id).Partition()
	for _, place := range valuesOf(c) {
		r, ok := messages.ReadReference(*place)
		if !ok {
			continue
		}
		if err := heldBy(ctx).answer(ctx, int64(r.Size)); err != nil {
			return err
		}
		text, err := t.cluster.Fetch(ctx, group, r)
		if err != nil {
			return err
		}
		*place = text
	}
	return nil
}
