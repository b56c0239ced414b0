package raftstore

import (
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
)

// transport is raft's network transport with five changes: heartbeats go
// through raft's main loop and are fewer, a server's address is its node's id, a
// leader with nothing new to say does not say it over the network, and a replica
// that is alone need not wait to lead.
type transport struct {
	*raft.NetworkTransport
	node     messages.NodeID
	quiet    time.Duration // an idle follower hears at least this often from the pipeline
	peers    *peers
	beats    *heartbeats
	requests chan raft.RPC   // what peers ask, and electNow
	ending   <-chan struct{} // its connections are ended
	closed   chan struct{}
	done     sync.WaitGroup
}

// maxQuiet is how often an idle follower hears from the pipeline, in heartbeat
// time-outs: whether it lives the heartbeats say.
const maxQuiet = 2

func newTransport(l *lent, c Config, logger hclog.Logger, p *peers, beats *heartbeats) *transport {
	t := &transport{
		NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: l, MaxPool: maxPooledConns, Timeout: c.RPC, Logger: logger, MsgpackUseNewTimeFormat: true,
		}),
		node: c.Node, quiet: maxQuiet * c.Heartbeat, peers: p, beats: beats,
		requests: make(chan raft.RPC), ending: l.closed, closed: make(chan struct{}),
	}
	t.done.Go(t.forward)
	return t
}

func (t *transport) forward() {
	for {
		select {
		case rpc := <-t.NetworkTransport.Consumer():
			t.hand(rpc)
		case <-t.closed:
			return
		}
	}
}

func (t *transport) hand(rpc raft.RPC) {
	select {
	case t.requests <- rpc:
	case <-t.closed:
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

// Close ends the transport; raft does so when it shuts down.
func (t *transport) Close() error {
	select {
	case <-t.closed:
		return nil
	default:
	}
	close(t.closed)
	t.done.Wait()
	return t.NetworkTransport.Close()
}

// SetHeartbeatHandler does nothing: on raft's fast path a heartbeat changes the
// term while the main loop reads it (hashicorp/raft issue 695).
func (t *transport) SetHeartbeatHandler(func(raft.RPC)) {}

func (t *transport) LocalAddr() raft.ServerAddress { return raft.ServerAddress(t.node) }

// AppendEntries serves heartbeats above all, whose answers tell where the
// follower's log ends.
//
// A follower that could not be reached is left alone until a heartbeat reaches
// it: raft would wait twice as long after each failure, up to ten seconds, and a
// node that comes back would be that late.
func (t *transport) AppendEntries(id raft.ServerID, to raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	heartbeat := req.PrevLogEntry == 0 && len(req.Entries) == 0 && req.LeaderCommitIndex == 0
	if heartbeat {
		t.beats.await(id, t.ending)
	}
	asked := report{term: req.Term, when: time.Now(), own: t.peers.last()}
	failed := t.peers.next(id)
	if err := t.NetworkTransport.AppendEntries(id, to, req, resp); err != nil {
		t.peers.lost(id)
		if heartbeat {
			t.beats.failed(id)
		} else {
			t.awaitContact(failed)
		}
		return err
	}
	if heartbeat {
		t.beats.answered(id, asked.when)
	}
	if resp.Success {
		asked.last = resp.LastLog
		t.peers.heard(id, asked)
	}
	return nil
}

// maxSilence is how long replication to a follower waits for it to be heard.
const maxSilence = 10 * time.Second

func (t *transport) awaitContact(heard <-chan struct{}) {
	select {
	case <-heard:
	case <-time.After(maxSilence):
	case <-t.ending:
	}
}

func (t *transport) AppendEntriesPipeline(id raft.ServerID, to raft.ServerAddress) (raft.AppendPipeline, error) {
	p, err := t.NetworkTransport.AppendEntriesPipeline(id, to)
	if err != nil {
		return nil, err
	}
	return &pipeline{AppendPipeline: p, peers: t.peers, news: t.peers.listen(), quiet: t.quiet, ending: t.ending}, nil
}
