package links

import (
	"net"
	"net/netip"
	"time"
)

const (
	maxPacket  = 64 << 10
	maxWaiting = 4096 // packets that are delayed; more are lost
)

// carryPackets hands on what comes for a node, from the address that the sender
// is known by, so that the answer comes this way, too.
func (m *Mesh) carryPackets(at packetPort, c net.PacketConn) {
	b := make([]byte, maxPacket)
	for {
		n, source, err := c.ReadFrom(b)
		if closed(err) {
			return
		}
		if err != nil {
			continue // a node that has ended refuses what was sent to it
		}
		if from, ok := m.sender(source); ok {
			m.carry(append([]byte(nil), b[:n]...), from, at)
		}
	}
}

// sender is whose packet it is, by its address, which is the node's own.
func (m *Mesh) sender(source net.Addr) (packetPort, bool) {
	a, err := netip.ParseAddrPort(source.String())
	if err != nil {
		return packetPort{}, false
	}
	for i, n := range m.nodes {
		for _, port := range n.Packets {
			if a.Addr().Unmap().String() == n.Inside && int(a.Port()) == port {
				return packetPort{i, port}, true
			}
		}
	}
	return packetPort{}, false
}

func (m *Mesh) carry(b []byte, from, to packetPort) {
	r, _ := m.rule(way{from.node, to.node})
	if r.Cut || r.lost() {
		return
	}
	send := func() { m.send(b, from, to) }
	d := r.delay()
	if d == 0 {
		send()
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting == maxWaiting || m.run.Err() != nil {
		return
	}
	m.waiting++
	m.running.Go(func() {
		select {
		case <-time.After(d):
			send()
		case <-m.run.Done():
		}
		m.mu.Lock()
		m.waiting--
		m.mu.Unlock()
	})
}

func (m *Mesh) send(b []byte, from, to packetPort) {
	n := m.nodes[to.node]
	if target, err := net.ResolveUDPAddr("udp", address(n.Inside, to.port)); err == nil {
		_, _ = m.packets[from].WriteTo(b, target) // packets may be lost
	}
}
