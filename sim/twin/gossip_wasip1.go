package twin

import (
	"context"
	"encoding/binary"
	"net"
	"strconv"
	"time"

	"github.com/hashicorp/memberlist"
)

// Gossip is memberlist's transport on the simulated network.
type Gossip struct {
	network Network
	port    int
	listen  net.Listener
	packets chan *memberlist.Packet
	streams chan net.Conn
}

// maxPackets may wait to be handled; more are dropped, as UDP does.
const maxPackets = 1024

// NewGossip takes packets and streams at a port.
func NewGossip(n Network, port int) (*Gossip, error) {
	l, err := n.Listen(net.JoinHostPort(Own().String(), strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	g := &Gossip{network: n, port: port, listen: l, packets: make(chan *memberlist.Packet, maxPackets), streams: make(chan net.Conn)}
	here.mu.Lock()
	here.packets[port] = g.take
	here.mu.Unlock()
	go g.accept()
	return g, nil
}

func (g *Gossip) take(from net.Addr, b []byte) {
	select {
	case g.packets <- &memberlist.Packet{Buf: b, From: from, Timestamp: time.Now()}:
	default:
	}
}

func (g *Gossip) accept() {
	for {
		c, err := g.listen.Accept()
		if err != nil {
			return
		}
		g.streams <- c
	}
}

func (g *Gossip) FinalAdvertiseAddr(string, int) (net.IP, int, error) { return Own(), g.port, nil }

func (g *Gossip) WriteTo(b []byte, address string) (time.Time, error) {
	ip, port, err := split(address)
	if err != nil {
		return time.Time{}, err
	}
	hostPacket(binary.BigEndian.Uint32(ip), uint32(port), uint32(g.port), pointer(b), uint32(len(b)))
	return time.Now(), nil
}

func (g *Gossip) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	return g.WriteTo(b, a.Addr)
}

func (g *Gossip) DialTimeout(address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return g.network.Dial(ctx, address)
}

func (g *Gossip) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	return g.DialTimeout(a.Addr, timeout)
}

func (g *Gossip) PacketCh() <-chan *memberlist.Packet { return g.packets }
func (g *Gossip) StreamCh() <-chan net.Conn           { return g.streams }

func (g *Gossip) Shutdown() error {
	here.mu.Lock()
	delete(here.packets, g.port)
	here.mu.Unlock()
	return g.listen.Close()
}
