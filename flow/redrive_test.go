package flow

import (
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// latestDead gives the letter that died last.
func (w *world) latestDead() *messages.Call {
	w.t.Helper()
	page := DeadLetters(w.state, &messages.DeadQuery{Rows: 1})
	if len(page.Letters) != 1 {
		w.t.Fatal("there is no dead letter")
	}
	return page.Letters[0].Call
}

// refusesToRedrive wants a letter to stay where it is, for a reason.
func (w *world) refusesToRedrive(id []byte, kind messages.KindError, reason string) {
	w.t.Helper()
	before := w.state.Clone()
	r := w.do(&messages.RedriveDead{Ids: [][]byte{id}}).Reply.GetReplies().Replies[0]
	if e := r.GetError(); e == nil || e.Kind != messages.ErrorKind(kind) || !strings.Contains(e.Err().Error(), reason) {
		w.t.Errorf("sent again: %v, want %q", r, reason)
	}
	same(w.t, before, w.state)
}

func TestMessageIsNotSentAgainToAGateThatIsGone(t *testing.T) {
	w := gated(t)
	w.runs("E", "e", "1")
	w.link("G RESULT S") // E and F lead there no more
	w.refusesToRedrive(w.latestDead().Id, messages.Conflict, "it was for the gate of socket mod.S, which has none any more")

	w.link(adder)
	if r := w.do(&messages.RedriveDead{Ids: [][]byte{w.latestDead().Id}}).Reply.GetReplies().Replies[0]; r.Error != nil {
		t.Errorf("the gate is there again, and %v", r)
	}
	w.wantGate("S", "one:1 two:0")
}

func TestMessageIsNotSentAgainForAnArgumentThatTheGateDoesNotWaitFor(t *testing.T) {
	w := newWorld(t)
	w.link(adder + "; G RESULT S three")
	w.grant("n1/1", "0", 8)
	w.runs("G", "g", "1")
	w.link(adder)
	w.refusesToRedrive(w.latestDead().Id, messages.Conflict, "does not wait for what plug")
}

func TestMessageIsNotSentAgainToAFullGate(t *testing.T) {
	w := gated(t, func(c *messages.ConfigureSocket) { c.MaxLength, c.Overflow = 1, "dead_letter" })
	w.runs("E", "e1", "1")
	w.runs("E", "e2", "2")
	w.refusesToRedrive(w.latestDead().Id, messages.Exhausted, "its gate is full: 1 wait for one")
}

func TestWhatAClientGaveAWaitingGateIsSentAgainByName(t *testing.T) {
	w := gated(t, func(c *messages.ConfigureSocket) { c.GateTimeout = 1000 })
	w.do(toGate("c", "one", "5"))
	w.later(2 * second)
	w.ticks()
	if r := w.do(&messages.RedriveDead{Ids: [][]byte{w.latestDead().Id}}).Reply.GetReplies().Replies[0]; r.Error != nil {
		t.Errorf("sent again: %v", r)
	}
	w.wantGate("S", "one:1 two:0")
}

func TestLettersOfASocketThatIsGoneAreFoundByItsName(t *testing.T) {
	w := newWorld(t)
	w.failing("a")
	name := w.is("a", isFailed).Name
	for _, test := range []struct {
		query *messages.DeadQuery
		want  int
	}{
		{&messages.DeadQuery{Socket: "another", Name: name}, 1},
		{&messages.DeadQuery{Socket: "another", Name: "another"}, 0},
		{&messages.DeadQuery{Socket: "A"}, 1},
	} {
		if got := DeadLetters(w.state, test.query).Letters; len(got) != test.want {
			t.Errorf("%v gives %d letters, want %d", test.query, len(got), test.want)
		}
	}
}
