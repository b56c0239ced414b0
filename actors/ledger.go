package actors

import (
	"maps"
	"sync"

	"github.com/elasticcode/flow/messages"
)

// attempt names one try of one call: what a lease is for.
type attempt struct {
	call   messages.CallID
	number uint32
}

// maxRecent bounds the attempts that a ledger remembers after their end. A
// Start that is sent twice is never further behind than a slot's window.
const maxRecent = 4 * messages.MaxWindow

// ledger says which attempts a slot holds: from their Start until their
// Complete is answered. It outlives the slot's actor when that panics, and the
// agent reads it for its keep-alives.
type ledger struct {
	mu     sync.Mutex
	known  map[attempt]bool // true: it is held; false: it has ended lately
	held   int
	recent [maxRecent]attempt // those that have ended, the oldest at next
	next   int
}

func newLedger() *ledger { return &ledger{known: map[attempt]bool{}} }

// take holds an attempt. false: it is held already, or has ended here.
func (l *ledger) take(a attempt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.known[a]; known {
		return false
	}
	l.known[a] = true
	l.held++
	return true
}

// drop lets go of an attempt, and says how many are still held.
func (l *ledger) drop(a attempt) (held int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(a)
	return l.held
}

func (l *ledger) end(a attempt) {
	held, known := l.known[a]
	switch {
	case held:
		l.held--
	case known:
		return
	}
	delete(l.known, l.recent[l.next])
	l.known[a], l.recent[l.next] = false, a
	l.next = (l.next + 1) % maxRecent
}

// knows says whether an attempt is held, or has ended here lately.
func (l *ledger) knows(a attempt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, known := l.known[a]
	return known
}

// forget lets go of everything: the session that it was held in has ended.
func (l *ledger) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.known, func(_ attempt, held bool) bool { return held })
	l.held = 0
}

func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

// list adds what is held to a keep-alive.
func (l *ledger) list(to []*messages.Held) []*messages.Held {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a, held := range l.known {
		if held {
			to = append(to, &messages.Held{Call: a.call.Bytes(), Attempt: a.number})
		}
	}
	return to
}
