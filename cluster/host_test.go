package cluster

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestHosting(t *testing.T) {
	placements := []*messages.GroupPlacement{
		{Group: 0, Replicas: replicas("a1v b1")},
		{Group: 1, Replicas: replicas("b1v")},
		{Group: 2, Replicas: replicas("a3v")},
		{Group: 3, Replicas: replicas("a5")},
	}
	open, surplus := hosting("a", placements, map[messages.GroupID]uint64{0: 1, 1: 1, 2: 2})
	if len(open) != 1 || open[3].GetIncarnation() != 5 {
		t.Errorf("to open: %v", open)
	}
	if len(surplus) != 2 || surplus[0] != (replicaID{1, 1}) || surplus[1] != (replicaID{2, 2}) {
		t.Errorf("surplus: %v", surplus)
	}
}

// disk is what a host opens and removes.
type disk struct {
	opened  map[messages.GroupID]uint64
	servers []Server
	err     error
}

func (d *disk) Servers(context.Context, messages.GroupID) ([]Server, error) { return d.servers, d.err }

func TestReplicaIsErasedOnlyWhenItsGroupHasDroppedIt(t *testing.T) {
	d := &disk{opened: map[messages.GroupID]uint64{0: 1, 1: 1}, servers: servers("a1v b1v")}
	due := []*messages.GroupPlacement{{Group: 0, Replicas: replicas("a1v")}, {Group: 1, Replicas: replicas("a2 b1v")}}
	h := NewHost(HostConfig{
		Self: "a", Router: d, Opened: func() map[messages.GroupID]uint64 { return maps.Clone(d.opened) },
		Placements: func(context.Context) ([]*messages.GroupPlacement, error) { return due, nil },
		Open: func(_ context.Context, g messages.GroupID, r *messages.Replica) error {
			d.opened[g] = r.GetIncarnation()
			return nil
		},
		Remove: func(_ context.Context, g messages.GroupID, incarnation uint64) error {
			delete(d.opened, g)
			return nil
		},
	})
	looks := func(n int, want uint64, why string) {
		t.Helper()
		for range n {
			h.look(t.Context())
		}
		if got := d.opened[1]; got != want {
			t.Fatalf("%s: incarnation %d is open, want %d", why, got, want)
		}
	}
	looks(5, 1, "still a server")
	d.err = errors.New("no leader")
	looks(5, 1, "nobody answers")
	d.servers, d.err = servers("b1v"), nil
	looks(1, 1, "said once")
	d.servers = servers("a1v b1v")
	looks(1, 1, "taken back")
	d.servers = servers("b1v")
	looks(2, 0, "said twice")
	looks(1, 2, "the later one is due")
	if !h.look(t.Context()) {
		t.Error("all is as it should be, and is not settled")
	}
}

// TestHostOfANewNodeIsRestless: it hears of no change until it follows the meta
// group, so that it must ask.
func TestHostOfANewNodeIsRestless(t *testing.T) {
	d := &disk{opened: map[messages.GroupID]uint64{}}
	h := NewHost(HostConfig{
		Self: "b", Router: d, Opened: func() map[messages.GroupID]uint64 { return maps.Clone(d.opened) },
		Placements: func(context.Context) ([]*messages.GroupPlacement, error) {
			return []*messages.GroupPlacement{{Group: 0, Replicas: replicas("a1v")}}, nil
		},
	})
	if h.look(t.Context()) {
		t.Error("nothing is due of it yet, and it is settled")
	}
	d.opened[messages.Meta] = 5
	d.servers = servers("a1v b5")
	if h.look(t.Context()) {
		t.Error("it holds a replica that is not due, and is settled")
	}
}
