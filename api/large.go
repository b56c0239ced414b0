package api

import (
	"context"
	"time"

	"github.com/elasticcode/flow/messages"
)

// sending is one call on its way to its partition. Its large arguments go ahead
// of it.
type sending struct {
	cluster Cluster
	enqueue *messages.Enqueue
	whole   *messages.Arguments // nil: none of them is large
	stowed  time.Time
}

func newSending(cluster Cluster, e *messages.Enqueue) *sending {
	s := &sending{cluster: cluster, enqueue: e}
	if len(messages.Apart(e.Arguments.Places(), messages.MaxInline)) > 0 {
		s.whole = e.Arguments
	}
	return s
}

func (s *sending) large() bool { return s.whole != nil }

// stow brings large arguments to the partition, unless they were brought lately:
// they are not kept there for ever, and a call may wait for room for long.
func (s *sending) stow(ctx context.Context) error {
	if !s.large() || time.Since(s.stowed) < messages.ValueKept/2 {
		return nil
	}
	s.enqueue.Arguments = shallow(s.whole)
	group := messages.CallIDFrom(s.enqueue.Id).Partition()
	if err := s.cluster.Stow(ctx, group, messages.MaxInline, true, s.enqueue.Arguments.Places()); err != nil {
		return err
	}
	s.stowed = time.Now()
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

// told is a call as people see it, large values included.
func (t *tasks) told(ctx context.Context, c *messages.Call) (*messages.CallInfo, error) {
	places := append([]*[]byte{&c.Result, &c.Output}, c.Arguments.Places()...)
	group := messages.CallIDFrom(c.Id).Partition()
	for _, place := range places {
		r, ok := messages.ReadReference(*place)
		if !ok {
			continue
		}
		if err := heldBy(ctx).answer(ctx, int64(r.Size)); err != nil {
			return nil, err
		}
		text, err := t.cluster.Fetch(ctx, group, r)
		if err != nil {
			return nil, err
		}
		*place = text
	}
	return callInfo(c), nil
}
