// Package peer carries what nodes say to each other: Raft's streams, requests
// and one-way messages share one listener per node, and no connection is used
// before both ends know that they are of the same network.
package peer

import (
	"context"
	"net"
	"time"
)

// Network is the boundary below which a simulated world begins.
type Network interface {
	Listen(address string) (net.Listener, error)
	Dial(ctx context.Context, address string) (net.Conn, error)
}

// TCP is the real network.
type TCP struct{}

// A peer that vanished without a word (power, cable) is noticed by keep-alives
// even when the connection is idle: after idle + count × interval.
const (
	keepAliveIdle     = 3 * time.Second
	keepAliveInterval = time.Second
	keepAliveCount    = 3
)

func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount}
}

func (TCP) Listen(address string) (net.Listener, error) {
	l := net.ListenConfig{KeepAliveConfig: keepAlive()}
	return l.Listen(context.Background(), "tcp", address)
}

func (TCP) Dial(ctx context.Context, address string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: keepAlive()}
	return d.DialContext(ctx, "tcp", address)
}
