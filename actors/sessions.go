package actors

import (
	"slices"
	"time"

	"github.com/elasticcode/flow/messages"
)

// sessionTimeout is how long a session lasts without a keep-alive.
const sessionTimeout = 2500 * time.Millisecond

// endAgain is when an end that was not answered is proposed again.
const endAgain = time.Second

// sessions is what a leader knows of the sessions that hold credits. It is
// pure: the clock is the caller's.
type sessions struct {
	deadlines map[string]time.Time
}

func newSessions() *sessions { return &sessions{map[string]time.Time{}} }

// watch gives a session that is not known yet one full time-out.
func (s *sessions) watch(session string, now time.Time) {
	if _, known := s.deadlines[session]; !known {
		s.deadlines[session] = now.Add(sessionTimeout)
	}
}

// alive prolongs a session. false: it is not known.
func (s *sessions) alive(session string, now time.Time) bool {
	if _, known := s.deadlines[session]; !known {
		return false
	}
	s.deadlines[session] = now.Add(sessionTimeout)
	return true
}

// forget takes a session out that has ended.
func (s *sessions) forget(session string) { delete(s.deadlines, session) }

// gone makes the sessions of a node, up to a boot, end now.
func (s *sessions) gone(node messages.NodeID, boot uint64, now time.Time) {
	for session := range s.deadlines {
		id, err := messages.ParseSession(session)
		if err == nil && id.Node == node && bootOf(id) <= boot {
			s.deadlines[session] = now
		}
	}
}

// due gives the sessions whose time is over, and gives each a while to end.
func (s *sessions) due(now time.Time) (over []string) {
	for session, deadline := range s.deadlines {
		if !deadline.After(now) {
			over = append(over, session)
			s.deadlines[session] = now.Add(endAgain)
		}
	}
	slices.Sort(over)
	return over
}

// next is when due has something to say.
func (s *sessions) next() (at time.Time, ok bool) {
	for _, deadline := range s.deadlines {
		if !ok || deadline.Before(at) {
			at, ok = deadline, true
		}
	}
	return at, ok
}

// sessionsPerBoot leaves room for the sessions that an agent begins without a
// start of its node in between. A session's number is of both.
const sessionsPerBoot = 1 << 16

// bootOf is the start of its node that a session is of.
func bootOf(id messages.SessionID) uint64 { return id.Boot / sessionsPerBoot }

// nodeOf is the node of a session; none if it is malformed.
func nodeOf(session string) messages.NodeID {
	id, err := messages.ParseSession(session)
	if err != nil {
		return ""
	}
	return id.Node
}
