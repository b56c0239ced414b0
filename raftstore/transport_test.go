package raftstore

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// deaf is a stream layer that reaches nobody.
type deaf struct{ done chan struct{} }

func (d deaf) Accept() (net.Conn, error) { <-d.done; return nil, net.ErrClosed }
func (d deaf) Close() error              { close(d.done); return nil }
func (d deaf) Addr() net.Addr            { return &net.UnixAddr{Name: "a"} }
func (d deaf) Dial(raft.ServerAddress, time.Duration) (net.Conn, error) {
	return nil, errors.New("unreachable")
}

func testTransport(t *testing.T) (*transport, *lent) {
	t.Helper()
	share := shareLayer(deaf{make(chan struct{})})
	l := share.lend()
	trans := newTransport(l, Config{Node: "a"}.withDefaults(), nil, newPeers(func() uint64 { return 9 }))
	t.Cleanup(func() {
		trans.Close()
		share.close()
	})
	return trans, l
}

func TestReplicationWaitsUntilTheFollowerIsHeard(t *testing.T) {
	trans, l := testTransport(t)
	heartbeat := &raft.AppendEntriesRequest{Term: 1}
	if trans.AppendEntries("b/1", "b", heartbeat, new(raft.AppendEntriesResponse)) == nil {
		t.Fatal("reached nobody")
	} // and it came back at once
	for _, wake := range []func(){
		func() { trans.peers.heard("b/1", peer{last: 9}) },
		func() { l.Close() },
	} {
		returned := make(chan struct{})
		go func() {
			trans.AppendEntries("b/1", "b", &raft.AppendEntriesRequest{Term: 1, PrevLogEntry: 3}, new(raft.AppendEntriesResponse))
			close(returned)
		}()
		select {
		case <-returned:
			t.Fatal("it did not wait")
		case <-time.After(20 * time.Millisecond):
		}
		wake()
		select {
		case <-returned:
		case <-time.After(5 * time.Second):
			t.Fatal("it waits on")
		}
	}
}

// sent counts requests that go over the network.
type sent struct {
	raft.AppendPipeline
	n int
}

func (s *sent) AppendEntries(*raft.AppendEntriesRequest, *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	s.n++
	return nil, nil
}

func TestPipelineLeavesOutWhatWasSaid(t *testing.T) {
	to := &sent{}
	p := &pipeline{AppendPipeline: to, quiet: time.Hour}
	for i, c := range []struct {
		req  raft.AppendEntriesRequest
		sent int
	}{
		{raft.AppendEntriesRequest{PrevLogEntry: 4, LeaderCommitIndex: 4}, 1},
		{raft.AppendEntriesRequest{PrevLogEntry: 4, LeaderCommitIndex: 4}, 1},
		{raft.AppendEntriesRequest{PrevLogEntry: 4, LeaderCommitIndex: 4, Entries: []*raft.Log{{Index: 5}}}, 2},
		{raft.AppendEntriesRequest{PrevLogEntry: 5, LeaderCommitIndex: 4}, 2},
		{raft.AppendEntriesRequest{PrevLogEntry: 5, LeaderCommitIndex: 5}, 3},
		{raft.AppendEntriesRequest{PrevLogEntry: 5, LeaderCommitIndex: 5}, 3},
	} {
		if p.AppendEntries(&c.req, nil); to.n != c.sent {
			t.Errorf("after request %d: %d sent, want %d", i, to.n, c.sent)
		}
	}
	p.quiet = 0 // it has been quiet for long
	if p.AppendEntries(&raft.AppendEntriesRequest{PrevLogEntry: 5, LeaderCommitIndex: 5}, nil); to.n != 4 {
		t.Error("a follower hears nothing at all")
	}
}
