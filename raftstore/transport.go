package raftstore

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
)

// transport carries raft's requests, in the form of package wire. It differs from
// raft's own in that heartbeats go through raft's main loop and are fewer, a
// server's address is its node's id, a leader with nothing new to say does not say
// it over the network, and a replica that is alone need not wait to lead.
type transport struct {
	node     messages.NodeID
	group    messages.GroupID
	lent     *lent
	rpc      time.Duration // a peer that does not answer for this long is given up
	quiet    time.Duration // how long a follower may hear nothing from the pipeline
	peers    *peers
	beats    *heartbeats
	pulse    *pulse
	logger   hclog.Logger
	pool     pool
	requests chan raft.RPC // what peers ask, and electNow
	closed   chan struct{}
	once     sync.Once
	done     sync.WaitGroup
}

// maxQuiet is how often a follower hears from the pipeline, in heartbeat time-outs.
const maxQuiet = 2

// maxRequests may wait for raft's main loop. Who asks on a connection of its own
// waits for the answer, and heartbeats are not made before the one before was
// answered, so that there are a few at most.
const maxRequests = 64

func newTransport(l *lent, c Config, logger hclog.Logger, group messages.GroupID, p *peers, beats *heartbeats, all *pulse) *transport {
	t := &transport{
		node: c.Node, group: group, lent: l, rpc: c.RPC, quiet: maxQuiet * c.Heartbeat, peers: p, beats: beats, pulse: all, logger: logger,
		pool: pool{idle: map[raft.ServerAddress][]*caller{}}, requests: make(chan raft.RPC, maxRequests), closed: make(chan struct{}),
	}
	t.done.Go(t.accept)
	return t
}

// hand gives raft a request, unless the transport closes.
func (t *transport) hand(rpc raft.RPC) bool {
	select {
	case t.requests <- rpc:
		return true
	case <-t.closed:
		return false
	}
}

// Consumer gives raft the requests of its peers.
func (t *transport) Consumer() <-chan raft.RPC { return t.requests }

// electNow asks the own raft to be elected without waiting for a leader, as one
// does that hands its leadership over. It is for a group's only voter.
func (t *transport) electNow(self raft.ServerID) {
	head := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(self), Addr: []byte(t.node)}
	t.hand(raft.RPC{Command: &raft.TimeoutNowRequest{RPCHeader: head}, RespChan: make(chan raft.RPCResponse, 1)})
}

// Close ends the transport and its connections; raft does so when it shuts down.
func (t *transport) Close() error {
	t.once.Do(func() {
		close(t.closed)
		t.lent.Close()
	})
	t.done.Wait()
	return nil
}

// SetHeartbeatHandler does nothing: on raft's fast path a heartbeat changes the
// term while the main loop reads it (hashicorp/raft issue 695).
func (t *transport) SetHeartbeatHandler(func(raft.RPC)) {}

func (t *transport) LocalAddr() raft.ServerAddress { return raft.ServerAddress(t.node) }

// EncodePeer and DecodePeer give the form that an address has in raft's requests.
func (t *transport) EncodePeer(_ raft.ServerID, to raft.ServerAddress) []byte { return []byte(to) }
func (t *transport) DecodePeer(b []byte) raft.ServerAddress                   { return raft.ServerAddress(b) }

func (t *transport) RequestVote(_ raft.ServerID, to raft.ServerAddress, req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	return t.ask(to, req, resp)
}

func (t *transport) RequestPreVote(_ raft.ServerID, to raft.ServerAddress, req *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	return t.ask(to, req, resp)
}

func (t *transport) TimeoutNow(_ raft.ServerID, to raft.ServerAddress, req *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	return t.ask(to, req, resp)
}

// AppendEntries serves heartbeats above all, whose answers tell where the
// follower's log ends.
//
// A follower that could not be reached is left alone until a heartbeat reaches
// it: raft would wait twice as long after each failure, up to ten seconds, and a
// node that comes back would be that late.
func (t *transport) AppendEntries(id raft.ServerID, to raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	if req.PrevLogEntry == 0 && len(req.Entries) == 0 && req.LeaderCommitIndex == 0 {
		return t.heartbeat(id, to, req, resp)
	}
	asked := report{term: req.Term, when: time.Now(), own: t.peers.last()}
	failed := t.peers.next(id)
	if err := t.ask(to, req, resp); err != nil {
		t.peers.lost(id)
		t.awaitContact(failed)
		return err
	}
	t.heard(id, asked, resp)
	return nil
}

func (t *transport) heartbeat(id raft.ServerID, to raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	b := &beat{group: t.group, id: id, to: to, req: req, beats: t.beats, own: t.peers.last}
	if err := t.pulse.send(b, t.lent.closed); err != nil {
		t.peers.lost(id)
		t.beats.failed(id)
		return err
	}
	*resp = b.resp
	t.beats.answered(id, b.asked.when)
	t.heard(id, b.asked, resp)
	return nil
}

func (t *transport) heard(id raft.ServerID, asked report, resp *raft.AppendEntriesResponse) {
	if resp.Success {
		asked.last = resp.LastLog
		t.peers.heard(id, asked)
	}
}

// maxSilence is how long replication to a follower waits for it to be heard.
const maxSilence = 10 * time.Second

func (t *transport) awaitContact(heard <-chan struct{}) {
	select {
	case <-heard:
	case <-time.After(maxSilence):
	case <-t.lent.closed:
	}
}

// snapshotRate is how many bytes of a snapshot arrive and are kept, at least, in
// the time that a request may take.
const snapshotRate = 256 << 10

// InstallSnapshot sends a snapshot behind its request, on a connection that is for
// that alone.
func (t *transport) InstallSnapshot(_ raft.ServerID, to raft.ServerAddress, req *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	c, err := t.dial(to)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	c.conn.SetDeadline(time.Now().Add(t.rpc * time.Duration(1+req.Size/snapshotRate)))
	if err := c.stream.WriteRequest(req); err != nil {
		return err
	}
	if n, err := io.Copy(c.conn, data); err != nil || n != req.Size {
		return errors.Join(err, errors.New("the snapshot was not sent whole"))
	}
	return c.stream.ReadAnswer(resp)
}

func (t *transport) AppendEntriesPipeline(id raft.ServerID, to raft.ServerAddress) (raft.AppendPipeline, error) {
	c, err := t.pooled(to)
	if err != nil {
		return nil, err
	}
	open := t.openPipe(c)
	return &pipeline{AppendPipeline: open, over: open.over, id: id, losses: t.peers.lossesOf(id), peers: t.peers, news: t.peers.listen(), quiet: t.quiet, ending: t.lent.closed}, nil
}
