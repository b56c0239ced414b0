package raftstore

import (
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
)

// room remembers for a moment whether the group's disks have room for new data.
type room struct {
	mu    sync.Mutex
	asked time.Time
	short []string // nodes, when those that have room are too few
}

// askRoom is how long an answer about the disks holds.
const askRoom = 100 * time.Millisecond

// standing is how a voter stands for new data.
type standing struct {
	name  string
	lives bool
	short bool // less than its reserve is free on its disk
}

// cramped names the voters whose disks are short, if those that live and have
// room are no majority; else none. What a majority can keep is taken in: one
// full disk stops its own node, not the network.
func cramped(voters []standing) (short []string) {
	roomy := 0
	for _, v := range voters {
		switch {
		case v.short:
			short = append(short, v.name)
		case v.lives:
			roomy++
		}
	}
	if 2*roomy > len(voters) {
		return nil
	}
	return short
}

// cramped names the nodes for want of whose room the group takes no new data.
func (g *Group) cramped() []string {
	g.room.mu.Lock()
	defer g.room.mu.Unlock()
	parts := g.store.parts
	if now := parts.Now(); g.room.asked.IsZero() || now.Sub(g.room.asked).Abs() >= askRoom {
		g.room.asked, g.room.short = now, cramped(g.standings())
	}
	return g.room.short
}

func (g *Group) standings() (voters []standing) {
	parts := g.store.parts
	for _, m := range g.Members() {
		if !m.Voter {
			continue
		}
		v := standing{name: parts.Name(m.Node), lives: true}
		if m.Node == g.store.config.Node {
			v.short = parts.Free != nil && parts.Free() < g.store.config.ReserveBytes
		} else {
			v.lives, v.short = parts.Other(m.Node)
		}
		voters = append(voters, v)
	}
	return voters
}

// brings says whether a command brings new data that clients can be refused;
// all others must pass on a full disk too, or it would never empty.
func brings(c messages.Command) bool {
	switch c.Type {
	case messages.CommandEnqueue, messages.CommandEnqueueBatch, messages.CommandPublish, messages.CommandEditDead, messages.CommandCreate:
		return true
	case messages.CommandPutChunk: // of a call's arguments, or of its result
		m, err := c.Decode()
		return err == nil && m.(*messages.PutChunk).Client
	}
	return false
}
