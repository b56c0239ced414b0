package raftstore

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// peers is what a leader has heard of its followers.
type peers struct {
	last   func() uint64                             // end of this replica's log, never behind news
	commit func(term uint64) (index uint64, ok bool) // what is committed, while this replica leads in a term

	mu    sync.Mutex
	seen  map[raft.ServerID]peer
	until map[raft.ServerID]chan struct{} // closed when the follower is heard next
	news  map[chan struct{}]struct{}      // told when the log grows or more of it is committed
}

type peer struct {
	last uint64 // where the follower's log ended
	own  uint64 // where the leader's ended when it asked
	term uint64
	when time.Time
}

func newPeers(last func() uint64, commit func(uint64) (uint64, bool)) *peers {
	return &peers{last: last, commit: commit, seen: make(map[raft.ServerID]peer),
		until: make(map[raft.ServerID]chan struct{}), news: make(map[chan struct{}]struct{})}
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

func (p *peers) heard(id raft.ServerID, what peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[id] = what
	if wake := p.until[id]; wake != nil {
		close(wake)
		delete(p.until, id)
	}
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

func (p *peers) get(id raft.ServerID) (peer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what, ok := p.seen[id]
	return what, ok
}
