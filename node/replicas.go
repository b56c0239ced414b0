package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"syscall"

	"github.com/elasticcode/flow/actors"
	"github.com/elasticcode/flow/cluster"
	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
	"github.com/elasticcode/flow/plant"
	"github.com/elasticcode/flow/raftstore"
)

// replica is this node's replica of a group, with what goes on around it.
type replica struct {
	*raftstore.Group
	partition *actors.Partition // nil for the meta group
	courier   *courier
	progress  progress
}

// Servers are the group's members as its leader sees them.
func (r *replica) Servers() []cluster.Server {
	var servers []cluster.Server
	for _, m := range r.Members() {
		servers = append(servers, cluster.Server{Node: m.Node, Incarnation: m.Incarnation, Voter: m.Voter,
			CaughtUp: r.CaughtUp(m.Node, m.Incarnation)})
	}
	return servers
}

// replicas are those that are open on this node.
type replicas struct {
	node *Node

	mu   sync.RWMutex
	open map[messages.GroupID]*replica
}

func (r *replicas) get(id messages.GroupID) *replica {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.open[id]
}

// all gives a copy, so that nobody is called with the lock held.
func (r *replicas) all() map[messages.GroupID]*replica {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make(map[messages.GroupID]*replica, len(r.open))
	for id, g := range r.open {
		out[id] = g
	}
	return out
}

// Group is what the router asks for.
func (r *replicas) Group(id messages.GroupID) (cluster.Group, bool) {
	g := r.get(id)
	return g, g != nil
}

// openDue opens a replica that is due on this node, and makes it if need be.
func (r *replicas) openDue(id messages.GroupID, due *messages.Replica) error {
	c := raftstore.GroupConfig{ID: id, Incarnation: due.GetIncarnation(), Bootstrap: due.GetFounder(), Committed: r.node.metrics.committed(id)}
	if id == messages.Meta {
		c.Machine = r.told(id, posting{raftstore.OneByOne(model.Machine{Supports: r.node.info.GetFeatureLevel()}.Apply)})
		return r.add(c, &metaObserver{node: r.node})
	}
	c.Machine = r.told(id, posting{&flow.Machine{Group: id, Supports: r.node.info.GetFeatureLevel()}})
	return r.add(c, &partitionObserver{node: r.node})
}

// observer is told of a replica before it is opened, and hears of it after.
type observer interface {
	raftstore.Observer
	attach(*replica) error
}

func (r *replicas) add(c raftstore.GroupConfig, o observer) error {
	n := r.node
	rep := &replica{}
	late := &lateObserver{ready: make(chan struct{})}
	c.Observer, c.Layer = late, n.peers.RaftLayer(c.ID)
	group, err := n.store.OpenGroup(c)
	if err != nil {
		return fmt.Errorf("open the replica of %s: %w", c.ID.Name(), err)
	}
	rep.Group = group
	rep.courier = newCourier(n, rep)
	if err := o.attach(rep); err != nil {
		return err
	}
	r.mu.Lock()
	r.open[c.ID] = rep
	r.mu.Unlock()
	late.begin(r.watched(group, o))
	n.tasks.Go(func() { n.watchFailure(rep) })
	n.tasks.Go(func() { n.becomeCurrent(rep) })
	return nil
}

// told lets the simulated world see the log.
func (r *replicas) told(id messages.GroupID, m raftstore.Machine) raftstore.Machine {
	if tell := r.node.boundary.tell; tell != nil {
		return tell(id, m)
	}
	return m
}

// watched lets the simulated world look on.
func (r *replicas) watched(g *raftstore.Group, o raftstore.Observer) raftstore.Observer {
	if watch := r.node.boundary.watch; watch != nil {
		return watch(g, o)
	}
	return o
}

// remove closes a replica that is not due here any more, and erases it.
func (r *replicas) remove(ctx context.Context, id messages.GroupID, incarnation uint64) error {
	r.mu.Lock()
	rep := r.open[id]
	delete(r.open, id)
	r.mu.Unlock()
	if rep != nil {
		if rep.partition != nil {
			rep.partition.Stop()
		}
		rep.courier.stop()
	}
	return r.node.store.RemoveGroup(ctx, id, incarnation)
}

// lateObserver holds events back until what they are for has been built around
// the group, which does not exist before it is open.
type lateObserver struct {
	ready chan struct{}
	to    raftstore.Observer
}

func (l *lateObserver) begin(o raftstore.Observer) { l.to = o; close(l.ready) }

func (l *lateObserver) Applied(index uint64, results []messages.Result) {
	<-l.ready
	l.to.Applied(index, results)
}
func (l *lateObserver) Leading(term uint64) { <-l.ready; l.to.Leading(term) }
func (l *lateObserver) Following()          { <-l.ready; l.to.Following() }

// partitionObserver hands what happens to a partition to its actors.
type partitionObserver struct {
	node *Node
	rep  *replica
}

func (o *partitionObserver) attach(rep *replica) (err error) {
	o.rep = rep
	rep.partition, err = actors.NewPartition(o.node.system, actors.PartitionConfig{ID: rep.ID(), Group: rep.Group, State: state{rep.Group}, Calendar: calendarOf{localModel{o.node}}})
	return err
}

func (o *partitionObserver) Applied(index uint64, results []messages.Result) {
	o.rep.partition.Applied(index, results)
	o.rep.kickIfPosted(results)
}

func (o *partitionObserver) Leading(term uint64) {
	if term < 3 || !plant.On(plant.OutboxLeftBehind) {
		o.rep.courier.start()
	}
	o.rep.partition.Leading(term)
	o.node.tellGone(o.rep.partition)
	o.node.kick()
}

func (o *partitionObserver) Following() {
	o.rep.partition.Following()
	o.rep.courier.stop()
}

// Call, Await and AwaitSome wait at the partition's leader, which is here or not.

func (r *replicas) Call(ctx context.Context, m *messages.Enqueue) (*messages.CallResponse, error) {
	p, err := r.partition(messages.CallIDFrom(m.GetId()))
	if err != nil {
		return nil, err
	}
	return p.Call(ctx, m)
}

func (r *replicas) Calls(ctx context.Context, all []*messages.Enqueue, gone <-chan int, tell func(i int, answer *messages.CallResponse, err error)) {
	p, err := r.partition(messages.CallIDFrom(all[0].GetId()))
	if err != nil {
		for i := range all {
			tell(i, nil, err)
		}
		return
	}
	p.Calls(ctx, all, gone, tell)
}

func (r *replicas) Await(ctx context.Context, id messages.CallID) (*messages.Call, error) {
	p, err := r.partition(id)
	if err != nil {
		return nil, err
	}
	return p.Await(ctx, id)
}

func (r *replicas) AwaitSome(ctx context.Context, q *messages.AwaitSomeRequest) ([]*messages.Call, error) {
	p, err := r.partition(messages.CallIDFrom(q.First))
	if err != nil {
		return nil, err
	}
	return p.AwaitSome(ctx, q)
}

func (r *replicas) partition(id messages.CallID) (*actors.Partition, error) {
	if rep := r.get(id.Partition()); rep != nil && rep.partition != nil {
		return rep.partition, nil
	}
	return nil, messages.Errorf(messages.NotLeader, "wait for call", id.String(), "this node holds no replica of partition %d", id.Partition())
}

// state reads what a replica has applied.
type state struct{ group *raftstore.Group }

// read reads one view. A replica that cannot be read has failed, and is
// replaced by its supervisor: until then it knows of nothing.
func read[T any](s state, f func(kv.View) T) (out T) {
	_ = s.group.View(func(view kv.View, _ uint64) error {
		out = f(view)
		return nil
	})
	return out
}

func (s state) Sessions() []string { return read(s, flow.Sessions) }

func (s state) Leases(session string) []*messages.Start {
	return read(s, func(v kv.View) []*messages.Start { return flow.Leases(v, session) })
}

func (s state) Aborts(session string) []*messages.Abort {
	return read(s, func(v kv.View) []*messages.Abort { return flow.Aborts(v, session) })
}

func (s state) NextTimer() (at int64, ok bool) {
	at = read(s, func(v kv.View) (next int64) {
		next, ok = flow.NextTimer(v)
		return next
	})
	return at, ok
}

func (s state) Schedules() []*messages.ScheduleState { return read(s, flow.Schedules) }

func (s state) Lookup(id messages.CallID) (call *messages.Call, ok bool) {
	call = read(s, func(v kv.View) (c *messages.Call) {
		c, ok = flow.GetCall(v, id, false, 0)
		return c
	})
	return call, ok
}

func (s state) Missing(op string, id messages.CallID) error {
	return read(s, func(v kv.View) error { return flow.Missing(v, op, id) })
}

func (s state) Ended(first messages.CallID, count int, known messages.Known) (ended []*messages.Call, there bool) {
	ended = read(s, func(v kv.View) (calls []*messages.Call) {
		calls, there = flow.Results(v, first, count, known)
		return calls
	})
	return ended, there
}

// watchFailure says when a replica has failed for good.
func (n *Node) watchFailure(rep *replica) {
	select {
	case <-rep.Failed():
		n.log.Error("a replica stopped", "group", rep.ID().Name(), "error", rep.Err())
		n.fail(n.failed(rep))
	case <-n.stopping.Done(): // failure tells of it
	}
}

// failed says of a replica that has failed why that was, and what to do.
func (n *Node) failed(rep *replica) error {
	return n.damaged(fmt.Errorf("the replica of %s stopped: %w%s", rep.ID().Name(), rep.Err(), n.remedy(rep.Err())))
}

// failure says of a node that has stopped, as it was told to, whether a replica failed on
// the way: what its disk did not take is gone when the machine ends.
func (r *replicas) failure() (err error) {
	all := r.all()
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if all[id].Err() != nil {
			err = errors.Join(err, r.node.failed(all[id]))
		}
	}
	return err
}

// remedy says what to do after a replica failed.
func (n *Node) remedy(err error) string {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Sprintf(": disk full; make room on the disk of %s and start the node again: nothing that was accepted is lost", n.place.path)
	}
	return ""
}
