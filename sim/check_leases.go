package sim

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

const (
	promiseEpochs   = "a session that has ended takes no call and gives no result"
	promiseFencing  = "the result of an attempt that is over does not count"
	promiseCredits  = "a slot holds no more calls than it takes"
	promiseOwner    = "a call has one attempt that counts"
	promiseAttempts = "attempts are numbered upwards"
	promiseEnd      = "a call ends once"
	promiseOrder    = "calls of an ordered socket run and end one after the other"
)

// ledger is what a partition's log says of slots and attempts, kept in the most
// simple way there is.
type ledger struct {
	at      int64
	over    map[messages.NodeID]uint64 // lowest boot whose session may be open
	slots   map[slotName]*ledgerSlot
	calls   map[messages.CallID]*ledgerCall
	ordered map[string]*ledgerOrder // by socket
	broken  []Violation
}

type slotName struct{ session, slot string }

type ledgerSlot struct {
	session   messages.SessionID
	processor string
	window    int
	leases    []*ledgerLease
}

type ledgerLease struct {
	call     messages.CallID
	attempt  uint32
	socket   string
	aborting bool
}

type ledgerCall struct {
	attempt uint32
	lease   *ledgerLease // of the attempt that counts; nil: there is none
	ended   bool
}

// ledgerOrder is how the calls of an ordered socket stand.
type ledgerOrder struct {
	on     bool
	holder messages.CallID  // started, and has not ended
	last   map[int32]uint64 // by priority: place of the last one that has ended
	leases int
}

// checkLeases follows a partition's log.
func checkLeases(all []done) []Violation {
	l := &ledger{over: map[messages.NodeID]uint64{}, slots: map[slotName]*ledgerSlot{}, calls: map[messages.CallID]*ledgerCall{}, ordered: map[string]*ledgerOrder{}}
	for _, d := range all {
		l.at = d.at
		l.command(d.command, d.result.Reply)
		for _, e := range d.result.Effects {
			l.effect(e)
		}
	}
	return l.broken
}

func (l *ledger) wrong(promise, format string, args ...any) {
	l.broken = append(l.broken, Violation{promise, l.at, fmt.Sprintf(format, args...)})
}

func (l *ledger) command(m proto.Message, reply *messages.Reply) {
	if d, ok := m.(*messages.Deliver); ok {
		for _, inner := range unpack(d) {
			l.configure(inner)
		}
		return
	}
	if reply.GetError() != nil {
		return
	}
	switch m := m.(type) {
	case *messages.Grant:
		l.grant(m)
	case *messages.Revoke:
		l.drop(slotName{m.Session, m.Slot})
	case *messages.EndSession:
		if s, err := messages.ParseSession(m.Session); err == nil {
			l.end(s.Node, s.Boot+1)
		}
	case *messages.Complete:
		l.complete(m, reply.GetCompleted())
	case *messages.CompleteBatch:
		for i, c := range m.Completes {
			l.complete(c, reply.GetReplies().GetReplies()[i].GetCompleted())
		}
	default:
		l.configure(m)
	}
}

// configure takes in which sockets are ordered, and that a processor has gone.
func (l *ledger) configure(m proto.Message) {
	switch m := m.(type) {
	case *messages.ConfigureSocket:
		l.order(m.Socket).on = m.Ordered
	case *messages.RemoveProcessor:
		for _, name := range sortedSlots(l.slots) {
			if l.slots[name].processor == m.Processor {
				l.drop(name)
			}
		}
	}
}

func (l *ledger) order(socket string) *ledgerOrder {
	if l.ordered[socket] == nil {
		l.ordered[socket] = &ledgerOrder{last: map[int32]uint64{}}
	}
	return l.ordered[socket]
}

func (l *ledger) call(id messages.CallID) *ledgerCall {
	if l.calls[id] == nil {
		l.calls[id] = &ledgerCall{}
	}
	return l.calls[id]
}

func (l *ledger) grant(g *messages.Grant) {
	session, err := messages.ParseSession(g.Session)
	if err != nil {
		return
	}
	if session.Boot < l.over[session.Node] {
		l.wrong(promiseEpochs, "slot %s of session %s is granted, and the session has ended", g.Slot, g.Session)
	}
	l.end(session.Node, session.Boot)
	name := slotName{g.Session, g.Slot}
	if l.slots[name] == nil {
		l.slots[name] = &ledgerSlot{}
	}
	s := l.slots[name]
	s.session, s.processor, s.window = session, g.Processor, int(g.Window)
}

// end ends a node's sessions below a boot.
func (l *ledger) end(node messages.NodeID, boot uint64) {
	l.over[node] = max(l.over[node], boot)
	for _, name := range sortedSlots(l.slots) {
		if s := l.slots[name].session; s.Node == node && s.Boot < boot {
			l.drop(name)
		}
	}
}

// drop takes a slot and its leases away.
func (l *ledger) drop(name slotName) {
	if s := l.slots[name]; s != nil {
		l.release(s.leases...)
		delete(l.slots, name)
	}
}

func (l *ledger) release(leases ...*ledgerLease) {
	for _, lease := range leases {
		l.order(lease.socket).leases--
		if c := l.call(lease.call); c.lease == lease {
			c.lease = nil
		}
	}
}

// complete follows the end of an attempt, and what was answered.
func (l *ledger) complete(c *messages.Complete, answer *messages.Completed) {
	if answer == nil {
		return // it was refused
	}
	id, s := messages.CallIDFrom(c.Call), l.slots[slotName{c.Session, c.Slot}]
	var lease *ledgerLease
	if s != nil {
		for i, other := range s.leases {
			if other.call == id && other.attempt == c.Attempt {
				lease = other
				if c.Outcome == messages.Outcome_CRASH {
					l.release(s.leases...)
					s.leases, s.window = nil, 0
				} else {
					l.release(lease)
					s.leases = append(s.leases[:i:i], s.leases[i+1:]...)
				}
				break
			}
		}
	}
	counts := lease != nil && !lease.aborting
	switch {
	case counts == !answer.Stale:
	case counts:
		l.wrong(promiseFencing, "attempt %d of call %s ended at slot %s of %s, which held it, and did not count", c.Attempt, id, c.Slot, c.Session)
	default:
		l.wrong(promiseFencing, "attempt %d of call %s counted, which slot %s of %s did not hold any more", c.Attempt, id, c.Slot, c.Session)
	}
}

func (l *ledger) effect(m proto.Message) {
	switch m := m.(type) {
	case *messages.Start:
		l.start(m)
	case *messages.Abort:
		if c := l.call(messages.CallIDFrom(m.Call)); c.lease != nil {
			c.lease.aborting, c.lease = true, nil
		}
	case *messages.Ended:
		l.ended(m.Call)
	}
}

func (l *ledger) start(m *messages.Start) {
	id, name := messages.CallIDFrom(m.Call), slotName{m.Session, m.Slot}
	c, s, o := l.call(id), l.slots[name], l.order(m.Socket)
	if s == nil {
		l.wrong(promiseEpochs, "call %s is given to slot %s of session %s, which is not open", id, m.Slot, m.Session)
		return
	}
	if len(s.leases) >= s.window {
		l.wrong(promiseCredits, "call %s is given to slot %s of session %s, which takes %d calls and holds %d", id, m.Slot, m.Session, s.window, len(s.leases))
	}
	if c.lease != nil || c.ended {
		l.wrong(promiseOwner, "call %s is started, attempt %d, and has ended (%v) or runs as attempt %d", id, m.Attempt, c.ended, c.attempt)
	}
	if m.Attempt <= c.attempt {
		l.wrong(promiseAttempts, "call %s begins attempt %d after attempt %d", id, m.Attempt, c.attempt)
	}
	if o.on && (o.leases > 0 || o.holder != (messages.CallID{}) && o.holder != id) {
		l.wrong(promiseOrder, "call %s of the ordered socket %s starts before call %s has ended", id, m.SocketName, o.holder)
	}
	lease := &ledgerLease{call: id, attempt: m.Attempt, socket: m.Socket}
	s.leases, c.lease, c.attempt = append(s.leases, lease), lease, m.Attempt
	o.leases++
	o.holder = id
}

func (l *ledger) ended(m *messages.Call) {
	if len(m.Joined) > 0 {
		return // told to those who wait for an arrival that was joined
	}
	id := messages.CallIDFrom(m.Id)
	c, o := l.call(id), l.order(m.Socket)
	switch {
	case c.ended:
		l.wrong(promiseEnd, "call %s has ended before, and ends as %s", id, m.State)
	case c.lease != nil:
		l.wrong(promiseOwner, "call %s has ended as %s while attempt %d counts", id, m.State, c.attempt)
	}
	c.ended = true
	if o.holder != id {
		return
	}
	if o.on && m.Seq < o.last[m.Priority] {
		l.wrong(promiseOrder, "call %s of the ordered socket %s is number %d and ends after number %d", id, m.Name, m.Seq, o.last[m.Priority])
	}
	o.holder, o.last[m.Priority] = messages.CallID{}, m.Seq
}
