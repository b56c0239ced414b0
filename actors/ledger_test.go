package actors

import (
	"encoding/binary"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func attemptOf(n int) (a attempt) {
	binary.BigEndian.PutUint64(a.call[:], uint64(n)+1)
	a.number = 1
	return a
}

// TestAnAttemptIsTakenOnce: a Start that comes twice is not run again, while the
// attempt is held and for a while after its end.
func TestAnAttemptIsTakenOnce(t *testing.T) {
	l := newLedger()
	for n := range messages.MaxWindow {
		if !l.take(attemptOf(n)) || l.take(attemptOf(n)) {
			t.Fatalf("attempt %d is not taken once", n)
		}
	}
	for n := range maxRecent {
		if n >= messages.MaxWindow {
			l.take(attemptOf(n))
		}
		l.drop(attemptOf(n))
		if l.drop(attemptOf(n)) != max(0, messages.MaxWindow-n-1) {
			t.Fatalf("%d are held when %d have ended twice", l.size(), n+1)
		}
	}
	for n := range maxRecent {
		if l.take(attemptOf(n)) || !l.knows(attemptOf(n)) {
			t.Fatalf("attempt %d has ended lately, and is taken again", n)
		}
	}
	l.drop(attemptOf(maxRecent))
	if l.knows(attemptOf(0)) || !l.knows(attemptOf(1)) || len(l.known) != maxRecent {
		t.Errorf("%d attempts are remembered, and %d are the most", len(l.known), maxRecent)
	}
}

// TestASessionThatEndsHoldsNothing, and what has ended in it is known still.
func TestASessionThatEndsHoldsNothing(t *testing.T) {
	l := newLedger()
	l.take(attemptOf(0))
	l.take(attemptOf(1))
	l.drop(attemptOf(0))
	if held := l.list(nil); len(held) != 1 || held[0].Attempt != 1 || messages.CallIDFrom(held[0].Call) != attemptOf(1).call {
		t.Errorf("held are %v", held)
	}
	l.forget()
	if l.size() != 0 || len(l.list(nil)) != 0 || l.take(attemptOf(0)) || !l.take(attemptOf(1)) {
		t.Errorf("after its session %v is held", l.known)
	}
}
