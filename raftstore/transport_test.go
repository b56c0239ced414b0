package raftstore

import (
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/raftstore/wire"
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
	p := startPulse(deaf{make(chan struct{})}, time.Second, nil)
	trans := newTransport(l, Config{Node: "a"}.withDefaults(), nil, 1, newPeers(func() uint64 { return 9 }, nil), newHeartbeats(time.Hour, func() {}), p)
	t.Cleanup(func() {
		trans.Close()
		p.close()
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
		func() { trans.peers.heard("b/1", report{last: 9}) },
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

// TestPipelineEndsWithAnAnswerThatSaysNo: raft reads none after it, and whoever
// sends would wait for good for somebody to read the next, as would he who holds a
// request without news.
func TestPipelineEndsWithAnAnswerThatSaysNo(t *testing.T) {
	trans, _ := testTransport(t)
	near, far := net.Pipe()
	t.Cleanup(func() { far.Close() })
	go func() { // the follower
		s := wire.New(far)
		for _, err := s.ReadRequest(); err == nil; _, err = s.ReadRequest() {
			if s.WriteAnswer(&raft.AppendEntriesResponse{Term: 1}, nil) != nil {
				return
			}
		}
	}()
	all := newPeers(func() uint64 { return 9 }, func(uint64) (uint64, bool) { return 0, false })
	open := trans.openPipe(&caller{to: "b", conn: near, stream: wire.New(near)})
	p := &pipeline{AppendPipeline: open, over: open.over, id: "b/1", peers: all, news: all.listen(), quiet: time.Hour, sent: time.Now()}
	defer p.Close()
	if _, err := p.AppendEntries(&raft.AppendEntriesRequest{Term: 1, PrevLogEntry: 9, LeaderCommitIndex: 9}, new(raft.AppendEntriesResponse)); err != nil {
		t.Fatal(err)
	}
	held := make(chan error, 1)
	go func() {
		_, err := p.AppendEntries(&raft.AppendEntriesRequest{Term: 1, PrevLogEntry: 9, LeaderCommitIndex: 9}, new(raft.AppendEntriesResponse))
		held <- err
	}()
	if a := <-p.Consumer(); a.Response().Success {
		t.Fatal("the follower said yes")
	}
	for range 5 {
		select {
		case err := <-held:
			if err == nil {
				t.Error("a request was sent after the end")
			}
		case <-time.After(10 * time.Second):
			t.Fatal("it waits on")
		}
		go func() {
			_, err := p.AppendEntries(&raft.AppendEntriesRequest{Term: 1, PrevLogEntry: 9, Entries: []*raft.Log{{Index: 10, Term: 1}}}, new(raft.AppendEntriesResponse))
			held <- err
		}()
	}
	<-held
}

// wired notes the requests that go over the network.
type wired struct {
	raft.AppendPipeline
	sent chan raft.AppendEntriesRequest
}

func (w wired) AppendEntries(r *raft.AppendEntriesRequest, _ *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	w.sent <- *r
	return nil, nil
}

func (w wired) Close() error { return nil }

func TestPipelineSaysWhatIsNew(t *testing.T) {
	var last, commit atomic.Uint64
	var leads atomic.Bool
	leads.Store(true)
	last.Store(5)
	commit.Store(4)
	all := newPeers(last.Load, func(uint64) (uint64, bool) { return commit.Load(), leads.Load() })
	w := wired{sent: make(chan raft.AppendEntriesRequest, 9)}
	p := &pipeline{AppendPipeline: w, peers: all, news: all.listen(), quiet: time.Hour}
	// say has raft make a request, and says with which commit index it is sent.
	// want 0: it must be left out.
	say := func(prev, entries, known, want uint64, meanwhile func()) {
		t.Helper()
		req := &raft.AppendEntriesRequest{Term: 1, PrevLogEntry: prev, LeaderCommitIndex: known}
		for i := range entries {
			req.Entries = append(req.Entries, &raft.Log{Index: prev + 1 + i})
		}
		done := make(chan struct{})
		go func() { p.AppendEntries(req, nil); close(done) }()
		if meanwhile != nil {
			select {
			case <-done:
				t.Fatal("it did not wait for news")
			case <-time.After(10 * time.Millisecond):
			}
			meanwhile()
			all.tell()
		}
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Fatal("it waits on")
		}
		var got uint64
		select {
		case r := <-w.sent:
			got = r.LeaderCommitIndex
		default:
		}
		if got != want {
			t.Errorf("sent commit %d, want %d", got, want)
		}
	}
	say(4, 1, 4, 4, nil)                            // an entry
	say(5, 0, 4, 5, func() { commit.Store(5) })     // it is committed
	say(5, 0, 5, 0, func() { last.Store(6) })       // raft sends the next itself
	commit.Store(7)                                 // further than this follower was seen to follow
	say(5, 1, 5, 5, nil)                            // the entry
	last.Store(7)                                   //
	say(6, 0, 5, 6, nil)                            // no further than the entry
	last.Store(6)                                   //
	leads.Store(false)                              // what is committed now is another's
	var enough func()                               //
	say(6, 0, 6, 6, func() { enough = all.hand() }) // leadership is passed on
	say(6, 0, 6, 6, nil)
	enough()
	say(6, 0, 6, 6, func() { all.lost("") }) // the follower did not answer a heartbeat
	p.quiet = 30 * time.Millisecond          //
	say(6, 0, 6, 6, func() {})               // after a long time it says what raft said
}
