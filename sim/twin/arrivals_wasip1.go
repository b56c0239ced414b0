package twin

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// What can arrive. An arrival is its kind, three numbers and a payload.
const (
	arrivedOpen    = 1 // stream: it was dialled, and the other end is there
	arrivedRefused = 2 // stream
	arrivedStream  = 3 // stream, port, ip of the dialler
	arrivedData    = 4 // stream
	arrivedEnd     = 5 // stream
	arrivedReset   = 6 // stream
	arrivedPacket  = 7 // port of the sender, port, ip of the sender
	arrivedOrder   = 8 // its text is the payload
)

const arrivalHead = 13

// wakeFile becomes readable when something has arrived: the one file that the
// host lets poll_oneoff wait for.
const wakeFile = "/dev/arrivals"

// machine is the node's end of the simulated network.
type machine struct {
	start sync.Once

	mu        sync.Mutex
	streams   map[uint32]*stream
	dials     map[uint32]chan error
	listeners map[int]*listener
	packets   map[int]func(from net.Addr, b []byte)
	orders    chan string
}

// maxOrders may wait to be carried out; more are dropped.
const maxOrders = 16

// Orders are what this machine's operator wants.
func Orders() <-chan string { return here.ensure().orders }

var here = &machine{streams: map[uint32]*stream{}, dials: map[uint32]chan error{}, listeners: map[int]*listener{}, packets: map[int]func(net.Addr, []byte){}, orders: make(chan string, maxOrders)}

// ensure starts to take arrivals in.
func (m *machine) ensure() *machine {
	m.start.Do(func() { go m.receive() })
	return m
}

// receive sleeps until the host wakes it; there is no polling.
func (m *machine) receive() {
	f, err := os.Open(wakeFile)
	if err != nil {
		panic(fmt.Sprintf("open what the simulator wakes a node by: %v", err))
	}
	raw, err := f.SyscallConn()
	if err != nil {
		panic(err)
	}
	buffer := make([]byte, 128<<10)
	err = raw.Read(func(uintptr) bool {
		for {
			n := hostNext(pointer(buffer), uint32(len(buffer)))
			if n < 0 {
				return false // wait, and be called again
			}
			m.take(buffer[:n])
		}
	})
	panic(fmt.Sprintf("wait for arrivals: %v", err))
}

func (m *machine) take(b []byte) {
	kind := b[0]
	id, port, ip := binary.LittleEndian.Uint32(b[1:]), binary.LittleEndian.Uint32(b[5:]), b[9:13]
	from := net.IPv4(ip[0], ip[1], ip[2], ip[3])
	payload := b[arrivalHead:]
	m.mu.Lock()
	defer m.mu.Unlock()
	switch kind {
	case arrivedOpen, arrivedRefused:
		if answer := m.dials[id]; answer != nil {
			delete(m.dials, id)
			var err error
			if kind == arrivedRefused {
				err = syscall.ECONNREFUSED
			}
			answer <- err
		}
	case arrivedStream:
		m.accept(id, int(port), from)
	case arrivedData:
		if s := m.streams[id]; s != nil {
			s.arrive(payload)
		}
	case arrivedEnd:
		if s := m.streams[id]; s != nil {
			s.finish(io.EOF)
		}
	case arrivedReset:
		if s := m.streams[id]; s != nil {
			s.finish(syscall.ECONNRESET)
		}
	case arrivedOrder:
		select {
		case m.orders <- string(payload):
		default:
		}
	case arrivedPacket:
		if take := m.packets[int(port)]; take != nil {
			take(&net.UDPAddr{IP: from, Port: int(id)}, append([]byte(nil), payload...))
		}
	}
}

// accept is called with the lock held.
func (m *machine) accept(id uint32, port int, from net.IP) {
	l := m.listeners[port]
	if l == nil {
		hostClose(id)
		return
	}
	s := newStream(m, id, l.address, &net.TCPAddr{IP: from, Port: int(id)})
	select {
	case l.accepted <- s:
		m.streams[id] = s
	default:
		hostClose(id) // the backlog is full
	}
}

func (m *machine) write(id uint32, b []byte) bool {
	return hostWrite(id, pointer(b), uint32(len(b))) == 0
}

func (m *machine) hangUp(id uint32) {
	m.mu.Lock()
	delete(m.streams, id)
	m.mu.Unlock()
	hostClose(id)
}
