// Package raftstore keeps replicated logs: it runs the replicas that a node
// holds of Raft groups, each with a log of its own and all with their state in
// one ordered key-value store. DESIGN.md beside this file says why each part is
// as it is.
package raftstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Store is a node's replicas.
type Store struct {
	config   Config
	parts    Parts
	identity []byte // of parts.KV: tells it from one made anew in its place
	cache    *logCache
	pulse    *pulse

	groups atomic.Int64 // that are open

	changing sync.Mutex // held while a replica is opened or erased, which may take long; before mu
	closed   bool       // guarded by changing

	mu   sync.Mutex // heartbeats of all groups wait for it
	open map[messages.GroupID]*Group
}

const identitySize = 16

// Open opens the store, and finishes removals that a crash cut short. No group
// runs yet: see Groups and OpenGroup.
func Open(c Config, p Parts) (*Store, error) {
	c = c.withDefaults()
	if c.Dir == "" || c.Node == "" || p.KV == nil || p.Logs == nil || p.Now == nil {
		return nil, errors.New("open store: directory, node, key-value store, logs and clock must be given")
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if p.Name == nil {
		p.Name = func(id messages.NodeID) string { return string(id) }
	}
	if p.Other == nil {
		p.Other = func(messages.NodeID) (lives, short bool) { return true, false }
	}
	s := &Store{config: c, parts: p, cache: newLogCache(c.CacheBytes), open: make(map[messages.GroupID]*Group)}
	if err := s.identify(); err != nil {
		return nil, fmt.Errorf("open store %s: %w", c.Dir, err)
	}
	if err := s.finishRemovals(); err != nil {
		return nil, fmt.Errorf("open store %s: %w", c.Dir, err)
	}
	s.pulse = startPulse(p.Pulse, c.RPC, s.inbox)
	return s, nil
}

// inbox is where an open replica takes heartbeats, or nil.
func (s *Store) inbox(id messages.GroupID) *transport {
	if g := s.Group(id); g != nil {
		return g.transport.Load()
	}
	return nil
}

// identify reads the key-value store's identity, or gives it one.
func (s *Store) identify() error {
	snapshot := s.parts.KV.Snapshot()
	defer snapshot.Close()
	err := readable(func() error {
		if id, ok := snapshot.Get(identityKey); ok {
			s.identity = append([]byte(nil), id...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.identity != nil {
		if len(s.identity) != identitySize {
			return fmt.Errorf("identity of the key-value store: %w", ErrCorrupt)
		}
		return nil
	}
	s.identity = make([]byte, identitySize)
	rand.Read(s.identity)
	w := kv.Write{Key: identityKey, Value: append([]byte(nil), s.identity...)}
	if err := s.parts.KV.Commit(Batch{Writes: []kv.Write{w}}); err != nil {
		return err
	}
	return s.parts.KV.Flush()
}

// OpenGroup opens this node's replica of a group, and starts it.
//
// An error that is ErrLostState means that the replica's disk holds less than
// it has promised: remove it, and join under a new incarnation.
func (s *Store) OpenGroup(c GroupConfig) (*Group, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if s.Group(c.ID) != nil {
		return nil, messages.Errorf(messages.Conflict, "open replica", c.ID.Name(), "it is open already")
	}
	g, err := s.openGroup(c)
	if err != nil {
		if errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrLostState) {
			err = fmt.Errorf("%w: %w", ErrLostState, err)
		}
		return nil, fmt.Errorf("open replica %s of %s: %w", serverID(s.config.Node, c.Incarnation), c.ID.Name(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[c.ID] = g
	s.groups.Store(int64(len(s.open)))
	return g, nil
}

// pageBytes is how much of its changes a group may hold in memory.
func (s *Store) pageBytes() int64 { return s.config.PageBytes / max(1, s.groups.Load()) }

// Group is an open replica, or nil.
func (s *Store) Group(id messages.GroupID) *Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[id]
}

func (s *Store) forget(g *Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[g.id] == g {
		delete(s.open, g.id)
		s.groups.Store(int64(len(s.open)))
	}
}

// Close hands leaderships over, ends all replicas and closes the key-value
// store. It returns with the context at the latest: a full disk lets nothing be
// written, and what the key-value store lacks then is in the logs.
func (s *Store) Close(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- s.close(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("close store %s: not all is written, the rest is in the logs: %w", s.config.Dir, ctx.Err())
	}
}

func (s *Store) close(ctx context.Context) (err error) {
	s.changing.Lock() // whoever opens or erases a replica may wait for the disk
	closed := s.closed
	s.closed = true
	s.changing.Unlock()
	if closed {
		return errClosed
	}
	s.mu.Lock()
	open := slices.Collect(maps.Values(s.open))
	s.mu.Unlock()
	var all sync.WaitGroup
	for _, g := range open {
		all.Go(func() { g.Close(ctx) })
	}
	all.Wait()
	s.pulse.close()
	failed := func(g *Group) bool { return g.Err() != nil }
	if !slices.ContainsFunc(open, failed) { // else the disk may not take any more
		err = s.parts.KV.Flush()
	}
	return errors.Join(err, s.parts.KV.Close())
}
