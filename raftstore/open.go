package raftstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
)

// openGroup puts a replica together: stores, state, raft, supervisor.
func (s *Store) openGroup(c GroupConfig) (*Group, error) {
	g := &Group{
		id: c.ID, incarnation: c.Incarnation, store: s,
		logger: s.parts.Logger.With("group", c.ID.Name()),
		anew:   make(chan struct{}, 1), closing: make(chan context.Context), halted: make(chan struct{}), ended: make(chan struct{}), failed: make(chan struct{}),
	}
	g.peers = newPeers(g.stored, g.committed)
	g.beats = newHeartbeats(s.config.Heartbeat, func() { s.pulse.hurry(c.ID) })
	if err := g.openStores(); err != nil {
		return nil, err
	}
	if err := g.openState(c.Machine); err != nil {
		return nil, errors.Join(err, g.closeStores())
	}
	if c.Bootstrap {
		if err := g.bootstrap(); err != nil {
			return nil, errors.Join(err, g.closeStores())
		}
	}
	if err := g.guard.start(); err != nil {
		return nil, errors.Join(err, g.closeStores())
	}
	g.events = observe(c.Observer)
	g.applier.events = g.events
	g.applier.news, g.guard.news = g.peers.tell, g.peers.tell
	g.layer = shareLayer(c.Layer)
	if err := g.startRaft(); err != nil {
		g.events.close()
		return nil, errors.Join(err, g.layer.close(), g.closeStores())
	}
	g.batcher = startBatcher(s.parts.Now, c.Committed, func(data []byte) raft.ApplyFuture { return g.raft.Load().Apply(data, 0) })
	go g.supervise()
	return g, nil
}

// openStores opens the log and the stable store behind their guard.
func (g *Group) openStores() error {
	dir, made, err := g.store.prepareDir(Replica{g.id, g.incarnation})
	if err != nil {
		return err
	}
	g.dir = dir
	if !made {
		// A state without a log is what an earlier replica left.
		if err := g.store.erase(g.id); err != nil {
			return err
		}
	}
	log, stable, err := g.store.parts.Logs.Open(g.id, dir, !made)
	if err != nil {
		return err
	}
	if g.guard, err = openGuard(log, stable, g.store.cache.group(), g.fail); err != nil {
		return errors.Join(err, log.Close(), stable.Close())
	}
	if made {
		return nil
	}
	if err := g.store.finishDir(dir); err != nil {
		return errors.Join(err, g.guard.close())
	}
	return nil
}

// openState finds out how far the state has come, finishes an installation that
// was cut short, and compares state, snapshot and log with each other.
func (g *Group) openState(m Machine) error {
	at, err := g.readState()
	if err != nil {
		return err
	}
	if err := checkDiverged(g.guard.stable); err != nil {
		return err
	}
	mark, err := readMarker(g.guard.stable)
	if err != nil {
		return err
	}
	g.state = newState(g.id, g.store.parts.KV, g.fail, g.store.pageBytes)
	if err := g.state.enter(at); err != nil {
		return err
	}
	g.snapshots = &snapshots{group: g.id, dir: g.dir, kv: g.store.parts.KV, state: g.state, identity: g.store.identity, guard: g.guard, conflict: g.restart}
	g.snapshots.marker.Store(&mark)
	if at, err = g.snapshots.resume(at); err != nil {
		return err
	}
	mark = *g.snapshots.marker.Load()
	if err := mark.check(g.store.identity, at); err != nil {
		return err
	}
	if err := g.guard.reconcile(mark); err != nil {
		return err
	}
	last, err := g.guard.LastIndex()
	if err != nil {
		return err
	}
	if at.applied > max(last, mark.index) {
		return fmt.Errorf("state is at %d, but the log ends at %d: %w", at.applied, max(last, mark.index), ErrLostState)
	}
	g.applier = &applier{
		group: g.id, kv: g.store.parts.KV, state: g.state, machine: m, fail: g.fail, failed: g.Err, snapshots: g.snapshots,
		behind: make(chan struct{}, 1), threshold: g.store.config.SnapshotBytes,
	}
	g.applier.advance(at)
	return nil
}

// closeStores closes what openStores and openState have opened.
func (g *Group) closeStores() error {
	var err error
	if g.state != nil {
		err = g.state.close(g.Err() == nil)
	}
	return errors.Join(err, g.guard.close())
}

func (g *Group) readState() (record, error) {
	snapshot := g.store.parts.KV.Snapshot()
	defer snapshot.Close()
	var at record
	var found bool
	err := readable(func() (err error) { at, found, err = readRecord(snapshot, g.id); return err })
	if err != nil {
		return record{}, err
	}
	if !found {
		return record{incarnation: g.incarnation}, nil
	}
	if at.incarnation != g.incarnation {
		return record{}, messages.Errorf(messages.Conflict, "open replica", g.subject(), "the state belongs to incarnation %d", at.incarnation)
	}
	return at, nil
}
