package flow

import (
	"testing"

	"github.com/elasticcode/flow/messages"
)

// What a mailbox can never hold is refused for good, also while a slot is free
// that would take it past the mailbox: nobody waits for room that cannot be.
func TestCallThatNeverFitsIsInvalid(t *testing.T) {
	w := newWorld(t)
	narrow := func(c *messages.ConfigureSocket) { c.MaxLengthBytes = 10 }
	w.socket("A", narrow)
	w.queue("fanout", "A")
	large := enqueueOf("A", "large")
	large.Arguments = jsonArgs("12345678901")
	published := publishOf("large", "")
	published.Arguments = large.Arguments
	never := func() {
		t.Helper()
		for _, m := range []*messages.ErrorInfo{w.refuse(messages.Invalid, "the arguments have 11 bytes, and its mailbox holds 10 at the most", large),
			w.refuse(messages.Invalid, "its mailbox holds 10 at the most", published)} {
			if m.RetryAfter != 0 {
				t.Errorf("it is to be sent again: %v", m)
			}
		}
	}
	never()
	w.grant("n1/1", "0", 1)
	never()
	large.Arguments = jsonArgs("1234567890")
	w.do(large)
}

// A dead letter that was taken when the mailbox held more is not sent again for
// ever: it has to be edited.
func TestDeadLetterThatNeverFitsIsInvalid(t *testing.T) {
	w := newWorld(t)
	w.grant("n1/1", "0", 1)
	large := enqueueOf("A", "large")
	large.Arguments = jsonArgs("12345678901")
	s := starts(w.do(large))
	w.answer(s[0], messages.Outcome_BAD_RESULT)
	w.socket("A", func(c *messages.ConfigureSocket) { c.MaxLengthBytes = 10 })
	redrive := &messages.RedriveDead{Ids: [][]byte{id("large").Bytes()}}
	if r := w.do(redrive).Reply.GetReplies().Replies[0]; r.GetError().GetKind() != messages.ErrorKind_INVALID {
		t.Errorf("sent again: %v", r)
	}
	w.do(&messages.EditDead{Id: id("large").Bytes(), Arguments: jsonArgs("1")})
	if r := w.do(redrive).Reply.GetReplies().Replies[0]; r.GetEnqueued() == nil {
		t.Errorf("edited, and sent again: %v", r)
	}
}
