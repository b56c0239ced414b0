package raftstore

import (
	"time"

	"github.com/hashicorp/raft"
)

// pipeline holds a request that repeats the one before, with no entries and no
// new commit index, until there is news. Raft makes one every CommitTimeout,
// which would have to be short for followers to learn of commits, and would
// keep an idle network busy. Held here, it goes out the moment more is
// committed, and hardly ever else.
//
// A request that is left out has no answer. Raft does not wait for one: neither
// its lease nor its reads count what a pipeline did not say.
type pipeline struct {
	raft.AppendPipeline
	id     raft.ServerID
	peers  *peers
	news   chan struct{}
	quiet  time.Duration   // a follower hears at least this often, while there is news
	over   <-chan struct{} // raft hears no more answers
	ending <-chan struct{} // the connections are ended

	// Raft's replication goroutine alone uses these.
	commit uint64 // of the last request sent
	prev   uint64 // entry that the next request follows
	sent   time.Time
	losses int // of the follower, as it was sent
	idle   int // how often there was no news for long
}

// maxIdle is how often the time is doubled after which a follower hears of nothing
// new: whether it lives the heartbeats say.
const maxIdle = 4

func (p *pipeline) AppendEntries(req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	if !p.repeats(req) {
		p.idle = 0
	} else if !p.hold(req) {
		return nil, nil
	}
	p.commit, p.prev, p.sent, p.losses = req.LeaderCommitIndex, req.PrevLogEntry, time.Now(), p.peers.lossesOf(p.id)
	if n := len(req.Entries); n > 0 {
		p.prev = req.Entries[n-1].Index
	}
	return p.AppendPipeline.AppendEntries(req, resp)
}

func (p *pipeline) repeats(req *raft.AppendEntriesRequest) bool {
	return len(req.Entries) == 0 && req.PrevLogEntry == p.prev && req.LeaderCommitIndex == p.commit
}

// hold waits for news, and says whether the request is to be sent then: with a
// new commit index, because the follower has not heard anything for long, because
// leadership is passed on, because the follower did not answer a heartbeat (it
// may have started anew, and lack entries that the connection has lost), or
// because it said no: then raft is to be told that the pipeline has ended.
// Otherwise there are entries, which raft is about to send.
func (p *pipeline) hold(req *raft.AppendEntriesRequest) (send bool) {
	long := time.NewTimer(p.quiet<<p.idle - time.Since(p.sent))
	defer long.Stop()
	for {
		// No more than what this follower's log was seen to share with ours.
		if commit, ok := p.peers.commit(req.Term); ok && min(commit, req.PrevLogEntry) > p.commit {
			req.LeaderCommitIndex = min(commit, req.PrevLogEntry)
			return true
		}
		if p.peers.last() > req.PrevLogEntry {
			return false
		}
		if p.peers.handing.Load() > 0 || p.peers.lossesOf(p.id) != p.losses {
			return true
		}
		select {
		case <-p.news:
		case <-long.C:
			p.idle = min(p.idle+1, maxIdle)
			return true
		case <-p.over:
			return true
		case <-p.ending:
			return false
		}
	}
}

func (p *pipeline) Close() error {
	p.peers.leave(p.news)
	return p.AppendPipeline.Close()
}
