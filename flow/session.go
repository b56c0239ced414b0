package flow

import (
	"fmt"
	"math"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// grant sets what a slot takes. The first grant of a session opens it, and ends
// the older ones of its node: they ran in a process that is gone.
func (s *step) grant(g *messages.Grant) (*messages.Reply, *messages.Error) {
	session, refusal := readSession("grant", g.Session)
	if refusal == nil {
		refusal = s.admit(g, session)
	}
	if refusal != nil {
		return nil, refusal
	}
	s.open(session)
	l := s.bound(g)
	l.Node, l.Commit, l.Window = g.Node, g.Commit, g.Window
	s.credit(l)
	return &messages.Reply{}, nil
}

// admit says why a grant is refused.
func (s *step) admit(g *messages.Grant, session messages.SessionID) *messages.Error {
	name := slot.Name{Session: g.Session, Slot: g.Slot}
	subject := fmt.Sprintf("slot %s of session %s", g.Slot, g.Session)
	if g.Slot == "" || len(g.Slot) > slot.MaxName {
		return messages.Errorf(messages.Invalid, "grant", subject, "a slot's name has 1 to %d bytes", slot.MaxName)
	}
	if g.Window > messages.MaxWindow {
		return messages.Errorf(messages.Invalid, "grant", subject, "a window of %d calls is over the limit of %d", g.Window, messages.MaxWindow)
	}
	if known := slot.LoadSessions(s.tx, session.Node); session.Boot < known.Lowest && !plant.On(plant.OldSession) {
		return messages.Errorf(messages.NotFound, "grant", subject, "session ended").WithHint("start a new session")
	}
	p := s.processor(g.Processor)
	if p.Config == nil {
		refusal := messages.Errorf(messages.Unavailable, "grant", subject, "processor %s is not known here yet", g.Processor)
		refusal.RetryAfter = unknownRetry
		return refusal
	}
	if l, ok := s.slot(name); p.Credits.Full() && !(ok && l.Processor == g.Processor) {
		return messages.Errorf(messages.Exhausted, "grant", subject, "processor %s has too many slots", g.Processor)
	}
	return nil
}

func readSession(op, text string) (messages.SessionID, *messages.Error) {
	session, err := messages.ParseSession(text)
	if err != nil || session.String() != text || len(text) > slot.MaxName || session.Boot == math.MaxUint64 {
		return session, messages.Errorf(messages.Invalid, op, text, "not a session: want NODE/BOOT")
	}
	return session, nil
}

// open opens a session, if it is not open yet.
func (s *step) open(session messages.SessionID) {
	known := slot.LoadSessions(s.tx, session.Node)
	if known.Open && known.Lowest == session.Boot {
		return
	}
	if known.Open {
		s.drop(known, "its node started again")
	}
	slot.Sessions{Node: session.Node, Lowest: session.Boot, Open: true}.Save(s.tx)
}

// bound gives the slot that a grant names, bound to the processor it names.
func (s *step) bound(g *messages.Grant) *slot.Slot {
	name := slot.Name{Session: g.Session, Slot: g.Slot}
	l, ok := s.slot(name)
	if ok && l.Processor == g.Processor {
		return l
	}
	if ok {
		l.Unbind(s.tx)
		s.processor(l.Processor).Credits.Close(l.Index)
	} else {
		l = &slot.Slot{Name: name}
		s.slots.add(name, l)
	}
	l.Bind(s.tx, g.Processor, s.processor(g.Processor).Credits.Open())
	return l
}

// revoke takes a slot back. What it holds is queued again.
func (s *step) revoke(r *messages.Revoke) (*messages.Reply, *messages.Error) {
	l, ok := s.slot(slot.Name{Session: r.Session, Slot: r.Slot})
	if !ok {
		return s.unchanged(&messages.Reply{}), nil
	}
	note := "its slot was taken back"
	if r.Reason != "" {
		note += ": " + r.Reason
	}
	s.takeBack(l, note)
	return &messages.Reply{}, nil
}

// takeBack forgets a slot; the calls it holds are queued again, uncharged.
func (s *step) takeBack(l *slot.Slot, note string) {
	s.close(l)
	for _, lease := range l.Leases {
		s.giveBack(lease, call.Released, note)
	}
}

// close forgets a slot.
func (s *step) close(l *slot.Slot) {
	s.processor(l.Processor).Credits.Close(l.Index)
	s.forget(l)
}

// endSession ends a session, and those of the node that are older. What they
// held is queued again; the call that ran at each slot is charged.
func (s *step) endSession(e *messages.EndSession) (*messages.Reply, *messages.Error) {
	session, refusal := readSession("end session", e.Session)
	if refusal != nil {
		return nil, refusal
	}
	known := slot.LoadSessions(s.tx, session.Node)
	if session.Boot < known.Lowest {
		return s.unchanged(&messages.Reply{}), nil
	}
	if known.Open {
		s.drop(known, e.Reason)
	}
	slot.Sessions{Node: session.Node, Lowest: session.Boot + 1}.Save(s.tx)
	return &messages.Reply{}, nil
}

// drop takes back all slots of a session.
func (s *step) drop(session slot.Sessions, reason string) {
	s.slots.write(func(l *slot.Slot) { l.Save(s.tx) }) // those that earlier commands of the entry have made are found too
	for _, found := range slot.All(s.tx, session.ID().String()) {
		l, _ := s.slot(found.Name)
		s.close(l)
		if plant.On(plant.RequeueDropped) {
			continue
		}
		for i, lease := range l.Leases {
			if i > 0 {
				s.giveBack(lease, call.Released, "the session of its slot ended")
				continue
			}
			s.endLease(lease, func(k *socket.Socket, rec *call.Record) { s.chargeLost(k, rec, reason) })
		}
	}
}
