package raftstore

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/raftstore/wire"
)

// caller is a connection on which this replica asks another.
type caller struct {
	to     raft.ServerAddress
	conn   net.Conn
	stream *wire.Stream
	until  time.Time // the deadline of what is under way
}

// pool keeps connections that nobody uses now.
type pool struct {
	mu   sync.Mutex
	idle map[raft.ServerAddress][]*caller
}

func (p *pool) take(to raft.ServerAddress) *caller {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := p.idle[to]
	if len(idle) == 0 {
		return nil
	}
	last := len(idle) - 1
	c := idle[last]
	idle[last] = nil
	p.idle[to] = idle[:last]
	return c
}

func (p *pool) giveBack(c *caller) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle[c.to]) >= maxPooledConns {
		c.conn.Close()
		return
	}
	p.idle[c.to] = append(p.idle[c.to], c)
}

func (t *transport) dial(to raft.ServerAddress) (*caller, error) {
	conn, err := t.lent.Dial(to, t.rpc)
	if err != nil {
		return nil, err
	}
	return &caller{to: to, conn: conn, stream: wire.New(conn)}, nil
}

func (t *transport) pooled(to raft.ServerAddress) (*caller, error) {
	if c := t.pool.take(to); c != nil {
		return c, nil
	}
	return t.dial(to)
}

// patient moves the deadline, unless it is far enough away: to set one costs more
// than a look at the clock.
func (c *caller) patient(patience time.Duration) {
	if now := time.Now(); c.until.Sub(now) < patience*4/5 {
		c.until = now.Add(patience)
		c.conn.SetDeadline(c.until)
	}
}

// ask sends a request and waits for the answer.
func (t *transport) ask(to raft.ServerAddress, req, resp any) error {
	c, err := t.pooled(to)
	if err != nil {
		return err
	}
	c.patient(t.rpc)
	if err = c.stream.WriteRequest(req); err == nil {
		err = c.stream.ReadAnswer(resp)
	}
	if refused := wire.Refusal(""); err == nil || errors.As(err, &refused) {
		t.pool.giveBack(c)
	} else {
		c.conn.Close()
	}
	return err
}

// pipe sends requests without waiting for the answers to those before. Two are
// under way at most: with more, entries would wait on the way rather than be
// packed together.
type pipe struct {
	t        *transport
	c        *caller
	unheard  chan *sent
	answered chan raft.AppendFuture
	over     chan struct{} // closed after an answer that raft takes for the end: it reads no other
	closed   chan struct{}
	once     sync.Once
}

// sent is one request of a pipe.
type sent struct {
	start time.Time
	req   *raft.AppendEntriesRequest
	resp  *raft.AppendEntriesResponse
	err   error
}

func (s *sent) Error() error                          { return s.err }
func (s *sent) Start() time.Time                      { return s.start }
func (s *sent) Request() *raft.AppendEntriesRequest   { return s.req }
func (s *sent) Response() *raft.AppendEntriesResponse { return s.resp }

func (t *transport) openPipe(c *caller) *pipe {
	p := &pipe{t: t, c: c, unheard: make(chan *sent), answered: make(chan raft.AppendFuture), over: make(chan struct{}), closed: make(chan struct{})}
	t.done.Go(p.hear)
	return p
}

var errPipeClosed = errors.New("the pipeline is closed")

func (p *pipe) AppendEntries(req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	select {
	case <-p.over:
		return nil, errPipeClosed
	default:
	}
	s := &sent{start: time.Now(), req: req, resp: resp}
	p.c.patient(p.t.rpc)
	if err := p.c.stream.WriteRequest(req); err != nil {
		return nil, err
	}
	select {
	case p.unheard <- s:
		return s, nil
	case <-p.over:
	case <-p.closed:
	case <-p.t.closed:
	}
	return nil, errPipeClosed
}

// hear reads the answers. Raft takes one without success for the end of the pipe,
// and so it does where there is none.
func (p *pipe) hear() {
	for {
		var s *sent
		select {
		case s = <-p.unheard:
		case <-p.closed:
			return
		case <-p.t.closed:
			return
		}
		s.err = p.c.stream.ReadAnswer(s.resp)
		select {
		case p.answered <- s:
		case <-p.closed:
			return
		case <-p.t.closed:
			return
		}
		if s.err != nil || !s.resp.Success || s.resp.Term > s.req.Term {
			close(p.over)
			return
		}
	}
}

func (p *pipe) Consumer() <-chan raft.AppendFuture { return p.answered }

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return p.c.conn.Close()
}
