package flow

import (
	"testing"

	"github.com/elasticcode/flow/messages"
)

// failing sends a call to socket A, which fails.
func (w *world) failing(name string) {
	w.t.Helper()
	w.do(&messages.ConfigureProcessor{Processor: "P", Name: "proc", Commit: "c1", Status: "running"})
	w.send("A", name)
	s := w.one(w.grant("n1/1", "0", 1), name)
	w.answer(s, messages.Outcome_EXCEPTION)
	w.is(name, isFailed)
	w.do(&messages.Revoke{Session: "n1/1", Slot: "0"})
}

func (w *world) letter(name string) *messages.DeadLetter {
	w.t.Helper()
	page := DeadLetters(w.state, &messages.DeadQuery{Id: id(name).Bytes()})
	if len(page.Letters) != 1 {
		w.t.Fatalf("there is no dead letter %s", name)
	}
	return page.Letters[0]
}

func redriveOf(names ...string) *messages.RedriveDead {
	m := &messages.RedriveDead{Owner: "bob"}
	for _, name := range names {
		m.Ids = append(m.Ids, id(name).Bytes())
	}
	return m
}

func TestRedrivenCallIsANewOneOnce(t *testing.T) {
	w := newWorld(t)
	w.failing("a")
	first := w.do(redriveOf("a")).Reply.GetReplies().Replies[0].GetEnqueued()
	again := w.do(redriveOf("a")).Reply.GetReplies().Replies[0].GetEnqueued()
	if first.Duplicate || !again.Duplicate || string(first.Id) != string(again.Id) {
		t.Fatalf("first %v, again %v", first, again)
	}
	c := w.getID(messages.CallIDFrom(first.Id))
	if c.State != isQueued || string(c.Parent) != string(id("a").Bytes()) || string(c.Tracking) != string(id("a").Bytes()) || c.Owner != "bob" ||
		string(c.Arguments.Positional[0]) != `"a"` {
		t.Errorf("it is sent again as %v", c)
	}
	w.wantDead()
	w.is("a", isFailed)
	w.ok(w.grant("n1/2", "0", 1)[0])
	if n := Count(w.state, "A").Total; n != 2 {
		t.Errorf("there are %d calls", n)
	}
}

func TestLetterThatCannotBeSentAgainStays(t *testing.T) {
	w := newWorld(t)
	w.failing("a")
	w.socket("A", func(c *messages.ConfigureSocket) { c.MaxLength = 1 })
	w.send("A", "fills it")
	r := w.do(redriveOf("a", "nobody")).Reply.GetReplies().Replies
	if r[0].GetError().GetKind() != messages.ErrorKind_EXHAUSTED || r[1].GetError().GetKind() != messages.ErrorKind_NOT_FOUND {
		t.Errorf("answered %v", r)
	}
	w.letter("a")
	w.do(&messages.RemoveSocket{Socket: "A", Force: true})
	if r := w.do(redriveOf("a")).Reply.GetReplies().Replies; r[0].GetError().GetKind() != messages.ErrorKind_NOT_FOUND {
		t.Errorf("its socket is gone: %v", r)
	}
	w.letter("a")
	w.refuse(messages.Invalid, "at once", &messages.RedriveDead{})
}

func TestEditedLetterIsSentAgainWithWhatWasEdited(t *testing.T) {
	w := newWorld(t)
	w.failing("a")
	w.refuse(messages.Invalid, "gets arguments", &messages.EditDead{Id: id("a").Bytes(), Value: []byte("1")})
	w.refuse(messages.NotFound, "there is none", &messages.EditDead{Id: id("b").Bytes(), Arguments: jsonArgs("1")})
	w.do(&messages.EditDead{Id: id("a").Bytes(), Arguments: jsonArgs("[17]")})
	if l := w.letter("a"); !l.Edited || string(l.Call.Arguments.Positional[0]) != "[17]" {
		t.Errorf("the letter is %v", l)
	}
	if c := w.get("a"); string(c.Arguments.Positional[0]) != `"a"` {
		t.Errorf("the call died with %v", c.Arguments)
	}
	r := w.do(redriveOf("a")).Reply.GetReplies().Replies[0].GetEnqueued()
	if c := w.getID(messages.CallIDFrom(r.Id)); string(c.Arguments.Positional[0]) != "[17]" {
		t.Errorf("it is sent again with %v", c.Arguments)
	}
}

func TestLetterEditedToNoArgumentsIsEdited(t *testing.T) {
	w := newWorld(t)
	w.failing("a")
	w.do(&messages.EditDead{Id: id("a").Bytes(), Arguments: &messages.Arguments{}})
	if l := w.letter("a"); !l.Edited || len(l.Call.Arguments.Positional) != 0 {
		t.Errorf("the letter is %v", l)
	}
}

func TestDeadMessageGoesToItsTargetOnceThatIsThere(t *testing.T) {
	w := newWorld(t)
	w.link("A RESULT B")
	w.do(&messages.RemoveSocket{Socket: "B"})
	w.grant("n1/1", "0", 1)
	w.runs("A", "a", `"x"`)
	w.wantDead("its target")
	dead := DeadLetters(w.state, &messages.DeadQuery{Rows: 1}).Letters[0]
	m := &messages.RedriveDead{Ids: [][]byte{dead.Call.Id}}
	if r := w.do(m).Reply.GetReplies().Replies[0]; r.GetError().GetKind() != messages.ErrorKind_NOT_FOUND || !dead.Message {
		t.Errorf("the target is gone: %v", r)
	}
	w.refuse(messages.Invalid, "not JSON", &messages.EditDead{Id: dead.Call.Id, Value: []byte("{")})
	w.do(&messages.EditDead{Id: dead.Call.Id, Value: []byte(`"y"`)})
	w.socket("B")
	s := starts(w.do(m))
	if len(s) != 1 || s[0].Socket != "B" || string(s[0].Arguments.Positional[0]) != `"y"` {
		t.Fatalf("started %v", s)
	}
	if c := w.getID(messages.CallIDFrom(s[0].Call)); string(c.Parent) != string(id("a").Bytes()) || c.Plug == "" {
		t.Errorf("the call is %v", c)
	}
	w.wantDead()
}

func TestDroppedLetterIsGoneAndItsCallStays(t *testing.T) {
	w := newWorld(t)
	w.failing("a")
	w.do(&messages.DropDead{Ids: [][]byte{id("a").Bytes()}})
	w.wantDead()
	w.is("a", isFailed)
	if r := w.do(&messages.DropDead{Ids: [][]byte{id("a").Bytes()}}).Reply.GetReplies().Replies[0]; r.GetError() == nil {
		t.Error("it was dropped twice")
	}
}

func TestDeadLettersAreListedLatestFirstByFilter(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		w.failing(name)
		w.later(second)
	}
	names := func(q *messages.DeadQuery) (all string) {
		for first := true; first || q.Cursor != ""; first = false {
			page := DeadLetters(w.state, q)
			for _, l := range page.Letters {
				c := w.getID(messages.CallIDFrom(l.Call.Id))
				all += string(c.Arguments.Positional[0])
			}
			q.Cursor = page.Next
		}
		return all
	}
	for _, test := range []struct {
		query *messages.DeadQuery
		want  string
	}{
		{&messages.DeadQuery{Rows: 2}, `"c""b""a"`}, {&messages.DeadQuery{Rows: 1, Since: aMomentAgo + second}, `"c""b"`},
		{&messages.DeadQuery{Rows: 9, Type: "exception"}, `"c""b""a"`}, {&messages.DeadQuery{Type: "timeout"}, ""}, {&messages.DeadQuery{Socket: "B"}, ""},
	} {
		if got := names(test.query); got != test.want {
			t.Errorf("%v gives %s, want %s", test.query, got, test.want)
		}
	}
}
