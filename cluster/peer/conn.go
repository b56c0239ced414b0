package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
)

const (
	helloTimeout = 3 * time.Second
	acceptRetry  = 50 * time.Millisecond // after an accept that failed, e.g. for want of file descriptors
)

// conn is a connection whose two ends know each other. The transport keeps
// account of it until it is closed.
type conn struct {
	net.Conn
	t     *Transport
	node  messages.NodeID // the other end
	use   use
	group messages.GroupID
	once  sync.Once
	err   error
}

func (c *conn) Close() error {
	c.once.Do(func() {
		c.t.mu.Lock()
		delete(c.t.conns, c)
		c.t.mu.Unlock()
		c.err = c.Conn.Close()
	})
	return c.err
}

// register keeps account of a connection, unless the transport has closed.
func (t *Transport) register(c *conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil {
		return false
	}
	t.conns[c] = struct{}{}
	return true
}

// dial connects to a node and says hello. Errors are typed.
func (t *Transport) dial(ctx context.Context, to messages.NodeID, u use, group messages.GroupID) (*conn, error) {
	const op = "connect to node"
	network := t.networkID()
	if network == "" {
		return nil, messages.Errorf(messages.Unavailable, op, string(to), "this node has not joined a network yet")
	}
	address, ok := t.config.Resolve(to)
	if !ok {
		return nil, messages.Errorf(messages.Unavailable, op, string(to), "no live member of the network has this id")
	}
	subject := fmt.Sprintf("%s at %s", to, address)
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	raw, err := t.config.Network.Dial(ctx, address)
	if err != nil {
		return nil, messages.Errorf(messages.Unavailable, op, subject, "%v", err)
	}
	h := hello{use: u, group: group, network: network, from: t.config.Node, to: to}
	v, reason, err := sayHello(ctx, raw, h)
	if err == nil && v != welcome {
		err = refusal(v, op, subject, reason)
		t.refused.log(t.config.Logger, "refused by a peer", to, v, reason)
		if v == removed {
			t.config.OnRemoved(to)
		}
	} else if err != nil {
		err = messages.Errorf(messages.Unavailable, op, subject, "no answer to hello: %v", err)
	}
	c := &conn{Conn: raw, t: t, node: to, use: u, group: group}
	if err == nil && !t.register(c) {
		err = messages.Errorf(messages.Unavailable, op, subject, "this node is stopping")
	}
	if err != nil {
		raw.Close()
		return nil, err
	}
	return c, nil
}

func sayHello(ctx context.Context, raw net.Conn, h hello) (verdict, string, error) {
	stop := context.AfterFunc(ctx, func() { raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := raw.Write(h.append(nil)); err != nil {
		return 0, "", err
	}
	v, reason, err := readVerdict(raw)
	if err == nil && !stop() {
		err = ctx.Err() // the deadline is set already: the connection is spoilt
	}
	return v, reason, err
}

// accept takes connections until the listener closes.
func (t *Transport) accept() {
	handshakes := make(chan struct{}, maxHandshakes)
	for {
		raw, err := t.listener.Accept()
		if errors.Is(err, net.ErrClosed) || t.ctx.Err() != nil {
			if err == nil {
				raw.Close()
			}
			return
		}
		if err != nil {
			t.config.Logger.Warn("accept peer connection", "error", err)
			select {
			case <-time.After(acceptRetry):
			case <-t.ctx.Done():
			}
			continue
		}
		select {
		case handshakes <- struct{}{}:
			t.running.Go(func() {
				c, h := t.greet(raw)
				<-handshakes
				if c != nil {
					t.serve(c, h)
				}
			})
		default:
			raw.Close() // too many strangers at once
		}
	}
}

// greet reads a hello and answers it. nil: refused.
func (t *Transport) greet(raw net.Conn) (*conn, hello) {
	stop := context.AfterFunc(t.ctx, func() { raw.Close() })
	defer stop()
	raw.SetDeadline(time.Now().Add(helloTimeout))
	h, err := readHello(raw)
	v, reason := welcome, ""
	var other errVersion
	switch {
	case errors.As(err, &other):
		v, reason = otherVersion, other.Error()
	case err != nil:
		t.config.Logger.Debug("peer connection without hello", "remote", raw.RemoteAddr().String(), "error", err)
		raw.Close()
		return nil, h
	default:
		v, reason = judge(h, t.config.Node, t.networkID(), t.config.Removed(h.from), t.layer(h.group) != nil)
	}
	c := &conn{Conn: raw, t: t, node: h.from, use: h.use, group: h.group}
	if v != welcome {
		t.refused.log(t.config.Logger, "refused a peer", h.from, v, reason)
		writeVerdict(raw, v, reason)
		raw.Close()
		return nil, h
	}
	if !t.register(c) {
		raw.Close()
		return nil, h
	}
	if err := writeVerdict(raw, welcome, ""); err != nil {
		c.Close()
		return nil, h
	}
	raw.SetDeadline(time.Time{})
	return c, h
}

func (t *Transport) serve(c *conn, h hello) {
	if h.use == useMessages {
		t.serveMessages(c)
		return
	}
	if l := t.layer(h.group); l == nil || !l.hand(c) {
		c.Close()
	}
}
