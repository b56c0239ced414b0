package actors

import (
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
	held   map[attempt]struct{}
	ended  map[attempt]struct{} // lately; the same as in recent
	recent [maxRecent]attempt
	next   int
}

func newLedger() *ledger {
	return &ledger{held: map[attempt]struct{}{}, ended: map[attempt]struct{}{}}
}

// take holds an attempt. false: it is held already, or has ended here.
func (l *ledger) take(a attempt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, held := l.held[a]
	_, ended := l.ended[a]
	if held || ended {
		return false
	}
	l.held[a] = struct{}{}
	return true
}

// drop lets go of an attempt, and says how many are still held.
func (l *ledger) drop(a attempt) (held int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(a)
	return len(l.held)
}

func (l *ledger) end(a attempt) {
	delete(l.held, a)
	if _, known := l.ended[a]; known {
		return
	}
	delete(l.ended, l.recent[l.next])
	l.recent[l.next] = a
	l.ended[a] = struct{}{}
	l.next = (l.next + 1) % maxRecent
}

// forget lets go of everything: the session that it was held in has ended.
func (l *ledger) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.held)
}

func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held)
}

// list adds what is held to a keep-alive.
func (l *ledger) list(to []*messages.Held) []*messages.Held {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a := range l.held {
		to = append(to, &messages.Held{Call: a.call.Bytes(), Attempt: a.number})
	}
	return to
}
