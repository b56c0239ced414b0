package raftstore

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/raftstore/wire"
)

// accept serves other nodes until the pulse is closed.
func (p *pulse) accept() {
	for {
		conn, err := p.layer.Accept()
		if err == nil {
			p.done.Go(func() { p.serve(conn) })
			continue
		}
		select {
		case <-p.closed:
			return
		case <-time.After(acceptRetry):
		}
	}
}

// keep keeps account of a connection to be closed, and says whether it may be used.
func (p *pulse) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.served[conn] = struct{}{}
	select {
	case <-p.closed:
		return false
	default:
		return true
	}
}

func (p *pulse) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.served, conn)
	conn.Close()
}

// serve hands the groups a node's heartbeats, and answers. What a group does not
// answer soon, since it waits for its disk, is answered by itself: it holds
// nobody up.
func (p *pulse) serve(conn net.Conn) {
	defer p.forget(conn)
	if !p.keep(conn) {
		return
	}
	e := &echoing{stream: wire.New(conn)}
	for {
		beats, err := e.stream.ReadBeats()
		if err != nil {
			return
		}
		asked := make([]*asked, len(beats))
		for i, b := range beats {
			asked[i] = p.hand(b)
		}
		soon := time.NewTimer(answerSoon)
		var echoes []wire.Echo
		for _, a := range asked {
			if echo, ok := a.await(soon.C, p.closed); ok {
				echoes = append(echoes, echo)
				continue
			}
			soon.Reset(0) // for the others, too: it has passed
			p.done.Go(func() {
				if echo, ok := a.await(nil, p.closed); ok {
					e.write(echo)
				}
			})
		}
		soon.Stop()
		if len(echoes) > 0 && e.write(echoes...) != nil {
			return
		}
	}
}

// answerSoon is how long the answers to heartbeats that came together wait for each
// other.
const answerSoon = 5 * time.Millisecond

// echoing is where answers are written, one message at a time.
type echoing struct {
	mu     sync.Mutex
	stream *wire.Stream
}

func (e *echoing) write(echoes ...wire.Echo) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stream.WriteEchoes(echoes)
}

// asked is a heartbeat that a group's raft was handed.
type asked struct {
	number uint64
	answer chan raft.RPCResponse
	closed <-chan struct{} // the group's transport has ended
	failed string          // why nobody was asked
}

// hand never blocks.
func (p *pulse) hand(b wire.Beat) *asked {
	t := p.inbox(b.Group)
	if t == nil {
		return &asked{number: b.Number, failed: "no replica of " + b.Group.Name() + " is open here"}
	}
	a := &asked{number: b.Number, answer: make(chan raft.RPCResponse, 1), closed: t.closed}
	select {
	case t.requests <- raft.RPC{Command: b.Request, RespChan: a.answer}:
	default:
		a.failed = "too many requests wait for the replica"
	}
	return a
}

var errReplicaStops = errors.New("the replica stops")

// await gives the answer, if it comes in time.
func (a *asked) await(late <-chan time.Time, ending <-chan struct{}) (wire.Echo, bool) {
	echo := wire.Echo{Number: a.number, Failed: a.failed}
	if a.failed != "" {
		return echo, true
	}
	select {
	case r := <-a.answer:
		echo.Response, _ = r.Response.(*raft.AppendEntriesResponse)
		if r.Error != nil {
			echo.Failed = r.Error.Error()
		}
		return echo, true
	case <-a.closed:
		echo.Failed = errReplicaStops.Error()
		return echo, true
	case <-late:
	case <-ending:
	}
	return echo, false
}
