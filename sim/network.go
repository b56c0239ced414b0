package sim

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// network decides what arrives, and when. Packets are lost, delayed and
// overtake each other; streams keep order and lose nothing, but stand still
// while their link is cut, and break when that takes too long.
type network struct {
	world *World
	rng   *rand.Rand
	loss  float64 // of packets, everywhere; a lost piece of a stream comes late

	conditions map[link]*condition
}

// How the network behaves. A stream that is cut is tried again; it breaks when
// nothing came through for so long, as keep-alives would have it.
const (
	leastDelay  = 100e3 // ns
	usualDelay  = 900e3
	slowOneIn   = 50 // messages; so many times slower
	slowTimes   = 20
	resendAfter = 200e6
	breakAfter  = 6e9
	dialAgain   = 1e9
	dialTries   = 4
)

// What arrives at a guest; package twin has the same.
const (
	arrivesOpen    = 1
	arrivesRefused = 2
	arrivesStream  = 3
	arrivesData    = 4
	arrivesEnd     = 5
	arrivesReset   = 6
	arrivesPacket  = 7
	arrivesOrder   = 8
)

func (n *network) delay() int64 {
	d := int64(leastDelay + n.rng.IntN(usualDelay))
	if n.rng.IntN(slowOneIn) == 0 {
		d *= slowTimes
	}
	return d
}

// machine gives the machine with an address; nil: nobody has it.
func (n *network) machine(ip uint32) *machine {
	if i := int(ip&0xffffff) - 1; ip>>24 == 10 && i >= 0 && i < len(n.world.machines) {
		return n.world.machines[i]
	}
	return nil
}

// sent is when a machine's message sets off: its own clock may be ahead.
func (n *network) sent(m *machine) int64 { return max(m.clock, n.world.now) }

func (n *network) packet(m *machine, ip, port, from uint32, b []byte) {
	m.seen(b, "packet %x:%d", ip, port)
	to := n.machine(ip)
	if to == nil {
		return
	}
	l, boot := link{m.index, to.index}, to.boots
	var land func()
	land = func() {
		switch until := n.clogged(l); {
		case !to.running || to.boots != boot || n.cut(l):
		case until > n.world.now:
			n.world.at(until, land)
		default:
			to.deliver(arrivesPacket, from, port, m.ip(), b)
		}
	}
	for _, delay := range n.flights(l) {
		n.world.at(n.sent(m)+delay, land)
	}
}

// end is a machine's end of a stream.
type end struct {
	machine *machine
	boot    int
	number  uint32
	other   *end
	closed  bool // it was closed here, or broke

	queue   []piece // on the way from here to the other end
	under   bool    // the first piece's arrival is on the agenda
	blocked int64   // since when the first piece cannot get through; 0: it can
}

// piece is what travels as one: bytes, or with none, the end of them.
type piece struct {
	at int64 // not before
	b  []byte
}

func (n *network) newEnd(m *machine) *end {
	m.numbers++
	e := &end{machine: m, boot: m.boots, number: m.numbers}
	m.ends[e.number] = e
	return e
}

// alive says whether the instance that held the end still runs.
func (e *end) alive() bool { return e.machine.running && e.machine.boots == e.boot }

func (n *network) dial(m *machine, ip, port uint32) uint32 {
	m.seen(nil, "dial %x:%d", ip, port)
	e := n.newEnd(m)
	if to := n.machine(ip); to != nil {
		n.world.at(n.sent(m)+n.delay(), func() { n.knock(e, to, port, dialTries) })
	}
	return e.number
}

// knock is the arrival of a dial at the other machine.
func (n *network) knock(e *end, to *machine, port uint32, tries int) {
	m := e.machine
	if !e.alive() || e.closed {
		return
	}
	there, back := link{m.index, to.index}, link{to.index, m.index}
	if n.cut(there) || n.cut(back) {
		if tries > 1 {
			n.world.at(n.world.now+dialAgain, func() { n.knock(e, to, port, tries-1) })
		}
		return
	}
	if until := max(n.clogged(there), n.clogged(back)); until > n.world.now {
		n.world.at(until, func() { n.knock(e, to, port, tries) })
		return
	}
	answer := byte(arrivesRefused)
	if to.running && to.ports[port] {
		answer = arrivesOpen
		e.other = n.newEnd(to)
		e.other.other = e
		to.deliver(arrivesStream, e.other.number, port, m.ip(), nil)
	}
	n.world.at(n.world.now+n.delay(), func() {
		if e.alive() && !e.closed {
			m.deliver(answer, e.number, 0, 0, nil)
		}
	})
}

// write puts bytes on their way. false: the stream is broken.
func (n *network) write(m *machine, number uint32, b []byte) bool {
	e := m.ends[number]
	m.seen(b, "write to stream %d", number)
	if e == nil || e.closed || e.other == nil {
		return false
	}
	n.send(e, b)
	return true
}

func (n *network) send(e *end, b []byte) {
	at := n.sent(e.machine) + n.crossing(link{e.machine.index, e.other.machine.index})
	e.queue = append(e.queue, piece{at, b})
	n.move(e)
}

// move sees to it that the first piece under way arrives.
func (n *network) move(e *end) {
	if e.under || len(e.queue) == 0 {
		return
	}
	e.under = true
	n.world.at(e.queue[0].at, func() {
		e.under = false
		n.arrive(e)
	})
}

func (n *network) arrive(e *end) {
	if len(e.queue) == 0 || e.other == nil {
		return
	}
	to := e.other
	l := link{e.machine.index, to.machine.index}
	if until := n.clogged(l); until > n.world.now {
		e.queue[0].at = until
		n.move(e)
		return
	}
	if n.cut(l) {
		if e.blocked == 0 {
			e.blocked = n.world.now
		}
		if n.world.now-e.blocked > breakAfter {
			n.giveUp(e)
			return
		}
		e.queue[0].at = n.world.now + resendAfter
		n.move(e)
		return
	}
	first := e.queue[0]
	e.queue, e.blocked = e.queue[1:], 0
	switch {
	case !to.alive() || to.closed: // nobody reads: the writer hears of it
		n.reset(e)
	case first.b == nil:
		to.machine.deliver(arrivesEnd, to.number, 0, 0, nil)
	default:
		to.machine.deliver(arrivesData, to.number, 0, 0, first.b)
	}
	n.move(e)
}

// reset breaks one end, if it is still there.
func (n *network) reset(e *end) {
	if e.alive() && !e.closed {
		e.closed = true
		delete(e.machine.ends, e.number)
		e.queue = nil
		e.machine.deliver(arrivesReset, e.number, 0, 0, nil)
	}
}

// giveUp ends a stream that has stood still for too long, at both ends.
func (n *network) giveUp(e *end) {
	n.reset(e)
	n.reset(e.other)
}

func (n *network) close(m *machine, number uint32) {
	m.seen(nil, "close stream %d", number)
	e := m.ends[number]
	if e == nil || e.closed {
		return
	}
	e.closed = true
	delete(m.ends, number)
	if e.other != nil && !e.other.closed {
		n.send(e, nil)
	}
}

// resets breaks all streams between two machines, at both ends.
func (n *network) resets(a, b *machine) {
	for _, number := range a.streams() {
		if e := a.ends[number]; e.other != nil && e.other.machine == b {
			n.giveUp(e)
		}
	}
}

// streams are the numbers of the streams that a machine holds, sorted, since a
// map's order is not the seed's.
func (m *machine) streams() []uint32 {
	return slices.Sorted(maps.Keys(m.ends))
}

// died breaks the streams of an instance that is gone: its system tells the
// other ends, unless they cannot be reached; then they find out themselves.
func (n *network) died(m *machine) {
	for _, number := range m.streams() {
		e := m.ends[number]
		e.closed = true
		if other := e.other; other != nil && !other.closed {
			n.tell(m, other, n.world.now)
		}
	}
	m.ends = nil
}

func (n *network) tell(m *machine, other *end, since int64) {
	n.world.at(n.world.now+n.delay(), func() {
		switch cut := n.cut(link{m.index, other.machine.index}); {
		case !cut || n.world.now-since > breakAfter:
			n.reset(other)
		default:
			n.world.at(n.world.now+resendAfter, func() { n.tell(m, other, since) })
		}
	})
}
