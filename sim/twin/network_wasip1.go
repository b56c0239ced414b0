package twin

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
)

// Network is the simulated network: it begins at dial, listen, read and write.
type Network struct{}

// backlog is how many streams may wait to be accepted.
const backlog = 256

// Own is this machine's address, which the host says.
func Own() net.IP { return net.ParseIP(os.Getenv("SIM_IP")).To4() }

func (Network) Listen(address string) (net.Listener, error) {
	_, port, err := split(address)
	if err != nil {
		return nil, err
	}
	m := here.ensure()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.listeners[port] != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Err: syscall.EADDRINUSE}
	}
	l := &listener{address: &net.TCPAddr{IP: Own(), Port: port}, accepted: make(chan *stream, backlog), closed: make(chan struct{})}
	m.listeners[port] = l
	hostListen(uint32(port), 1)
	return l, nil
}

func (Network) Dial(ctx context.Context, address string) (net.Conn, error) {
	ip, port, err := split(address)
	if err != nil {
		return nil, err
	}
	m := here.ensure()
	answer := make(chan error, 1)
	m.mu.Lock()
	id := hostDial(binary.BigEndian.Uint32(ip), uint32(port))
	remote := &net.TCPAddr{IP: ip, Port: port}
	s := newStream(m, id, &net.TCPAddr{IP: Own(), Port: int(id)}, remote)
	m.dials[id], m.streams[id] = answer, s
	m.mu.Unlock()
	select {
	case err = <-answer:
	case <-ctx.Done():
		err = ctx.Err()
		m.mu.Lock()
		delete(m.dials, id)
		m.mu.Unlock()
	}
	if err != nil {
		m.hangUp(id)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: remote, Err: err}
	}
	return s, nil
}

func split(address string) (net.IP, int, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, 0, err
	}
	ip, port := net.ParseIP(host).To4(), 0
	if port, err = strconv.Atoi(service); err != nil || ip == nil {
		return nil, 0, fmt.Errorf("address %s: the simulated network knows IPv4 addresses and ports only", address)
	}
	return ip, port, nil
}

type listener struct {
	address  *net.TCPAddr
	accepted chan *stream
	closed   chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case s := <-l.accepted:
		return s, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.address, Err: net.ErrClosed}
	}
}

func (l *listener) Close() error {
	here.mu.Lock()
	defer here.mu.Unlock()
	if isClosed(l.closed) {
		return net.ErrClosed
	}
	close(l.closed)
	delete(here.listeners, l.address.Port)
	hostListen(uint32(l.address.Port), 0)
	return nil
}

func (l *listener) Addr() net.Addr { return l.address }
