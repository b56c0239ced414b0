package raftstore

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// peers is what a leader has heard of its followers.
type peers struct {
	last   func() uint64                             // end of this replica's log, never behind news
	commit func(term uint64) (index uint64, ok bool) // what is committed, while this replica leads in a term

	handing atomic.Int32 // who passes leadership on now

	mu      sync.Mutex
	seen    map[raft.ServerID]peer
	losses  map[raft.ServerID]int           // how often the follower did not answer
	until   map[raft.ServerID]chan struct{} // closed when the follower is heard next
	news    map[chan struct{}]struct{}      // told when the log grows or more of it is committed
	heardOf chan struct{}                   // closed when any follower is heard next
}

// peer is what a leader knows of one follower. How far behind it is counts in
// time: few entries may be large, and many small.
type peer struct {
	term  uint64
	when  time.Time // heard last
	last  uint64    // where its log ended then
	holds time.Time // its log has all that the leader's had then; zero: not known

	goal   uint64 // where the leader's log ended when the follower was found behind
	goalAt time.Time
}

// report is a follower's answer to a heartbeat.
type report struct {
	term uint64
	when time.Time // it was asked
	own  uint64    // where the leader's log ended then
	last uint64    // where the follower's does
}

// hear takes a report in. What was known under another leadership is void.
func (p peer) hear(r report) peer {
	if p.term != r.term {
		p = peer{term: r.term}
	}
	p.when, p.last = r.when, r.last
	switch {
	case r.last >= r.own:
		p.holds, p.goal = r.when, 0
	case p.goal == 0:
		p.goal, p.goalAt = r.own, r.when
	case r.last >= p.goal:
		p.holds, p.goal, p.goalAt = p.goalAt, r.own, r.when
	}
	return p
}

func newPeers(last func() uint64, commit func(uint64) (uint64, bool)) *peers {
	return &peers{last: last, commit: commit, seen: make(map[raft.ServerID]peer), losses: make(map[raft.ServerID]int),
		until: make(map[raft.ServerID]chan struct{}), news: make(map[chan struct{}]struct{}), heardOf: make(chan struct{})}
}

// listen gives a channel that is told of news, until it is left.
func (p *peers) listen() chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := make(chan struct{}, 1)
	p.news[c] = struct{}{}
	return c
}

func (p *peers) leave(c chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.news, c)
}

// tell says that there is news.
func (p *peers) tell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.news {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// hand lets held requests go until the function that it gives is called. Raft
// passes leadership on when a follower has answered, and asks for the answer by
// a request that has nothing new.
func (p *peers) hand() (done func()) {
	p.handing.Add(1)
	p.tell()
	return func() { p.handing.Add(-1) }
}

func (p *peers) heard(id raft.ServerID, r report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[id] = p.seen[id].hear(r)
	close(p.heardOf)
	p.heardOf = make(chan struct{})
	if wake := p.until[id]; wake != nil {
		close(wake)
		delete(p.until, id)
	}
}

// lost says that a follower does not answer. It may come back with less applied
// than it had in its log, or not come back.
func (p *peers) lost(id raft.ServerID) {
	p.mu.Lock()
	delete(p.seen, id)
	p.losses[id]++
	p.mu.Unlock()
	p.tell()
}

// lossesOf is how often a follower did not answer. A pipeline that it has grown
// for leads nowhere, perhaps.
func (p *peers) lossesOf(id raft.ServerID) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.losses[id]
}

// next is closed when the follower is heard again.
func (p *peers) next(id raft.ServerID) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until[id] == nil {
		p.until[id] = make(chan struct{})
	}
	return p.until[id]
}

// since says how many of the servers have answered, under a leadership, what they
// were asked after a moment, and gives what is closed when another one does.
func (p *peers) since(term uint64, asked time.Time, servers []raft.ServerID) (answered int, another <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range servers {
		if at, ok := p.seen[id]; ok && at.term == term && !at.when.Before(asked) {
			answered++
		}
	}
	return answered, p.heardOf
}

func (p *peers) get(id raft.ServerID) (peer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what, ok := p.seen[id]
	return what, ok
}
