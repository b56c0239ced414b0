package raftstore

import (
	"sync"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/buggify"
)

// logCache holds the latest log entries of all groups of a node in memory,
// where the leader reads them for its followers. It is bounded in bytes, for
// entries differ in size by a factor of a thousand; the oldest entry of any
// group goes first.
type logCache struct {
	mu     sync.Mutex
	limit  int64
	size   int64
	oldest []cached // in the order they came; those dropped meanwhile are passed over
}

type cached struct {
	of  *groupCache
	log *raft.Log
}

// groupCache is one group's part of a logCache.
type groupCache struct {
	all     *logCache
	entries map[uint64]*raft.Log // guarded by all.mu
}

func newLogCache(limit int64) *logCache { return &logCache{limit: limit} }

func (c *logCache) group() *groupCache {
	return &groupCache{all: c, entries: make(map[uint64]*raft.Log)}
}

// logOverhead is about what an entry costs beside its data.
const logOverhead = 160

func cost(l *raft.Log) int64 { return int64(len(l.Data)) + logOverhead }

func (g *groupCache) add(logs []*raft.Log) {
	c := g.all
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range logs {
		kept := *l
		kept.Extensions = nil
		g.entries[l.Index] = &kept
		c.oldest = append(c.oldest, cached{g, &kept})
		c.size += cost(&kept)
	}
	for c.size > c.limit && len(c.oldest) > 0 {
		first := c.oldest[0]
		c.oldest[0] = cached{}
		c.oldest = c.oldest[1:]
		c.size -= cost(first.log)
		if first.of.entries[first.log.Index] == first.log {
			delete(first.of.entries, first.log.Index)
		}
	}
}

func (g *groupCache) get(index uint64, into *raft.Log) bool {
	g.all.mu.Lock()
	defer g.all.mu.Unlock()
	l := g.entries[index]
	if l == nil || buggify.On(buggify.ColdCache) {
		return false
	}
	*into = *l
	return true
}

// drop forgets the entries in [from, to].
func (g *groupCache) drop(from, to uint64) {
	g.all.mu.Lock()
	defer g.all.mu.Unlock()
	if to-from < uint64(len(g.entries)) {
		for i := from; i <= to; i++ {
			delete(g.entries, i)
		}
		return
	}
	for i := range g.entries {
		if from <= i && i <= to {
			delete(g.entries, i)
		}
	}
}
