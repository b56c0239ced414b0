package flow

import (
	"encoding/hex"
	"encoding/json"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/dead"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

const (
	opRedrive = "redrive"
	opDrop    = "drop"
	opEdit    = "edit"
)

// letter is a dead letter with its content.
type letter struct {
	dead.Letter
	call    *call.Record      // nil: it is a message
	arrival *messages.Arrival // of which no call was made
}

// findLetter finds the dead letter that a call, or a message, has become.
func findLetter(view kv.View, id messages.CallID) (letter, bool) {
	if place, ok := call.Find(view, id); ok {
		rec := call.At(view, place)
		l := letter{dead.Letter{At: rec.Finished, Kind: dead.Call, Seq: rec.Seq}, rec, nil}
		return l, rec.Finished != 0 && dead.Has(view, l.Letter)
	}
	if a, ok := gate.Find(view, id); ok {
		l := letter{dead.Letter{At: a.Ended, Kind: dead.Arrival, Seq: a.Seq}, nil, a}
		return l, a.Ended != 0 && dead.Has(view, l.Letter)
	}
	return letter{}, false
}

// openLetter reads the content of a letter of a list.
func openLetter(view kv.View, l dead.Letter) letter {
	if l.Kind == dead.Arrival {
		return letter{l, nil, gate.Get(view, l.Seq)}
	}
	rec, ok := call.Get(view, l.Seq)
	if !ok {
		fail("call %d is a dead letter and has no record", l.Seq)
	}
	return letter{l, rec, nil}
}

// shown is a letter as it is shown where calls are.
func (l letter) shown() *messages.Call {
	if l.arrival != nil {
		return endedArrival(l.arrival)
	}
	return l.call.Call
}

// redriven is the id of what a letter is sent again as: a letter is sent again
// once, and what comes of it may become a letter of its own.
func (l letter) redriven(group messages.GroupID) messages.CallID {
	return redrivenID(messages.CallIDFrom(l.shown().Id), group)
}

func redrivenID(id messages.CallID, group messages.GroupID) messages.CallID {
	return messages.DeriveCallID(id.String(), opRedrive, 1, group)
}

// isMessage says that it has one value, and not arguments: calls have those, and
// what came of a publish and found its socket gone.
func (l letter) isMessage() bool { return l.arrival != nil && l.arrival.Arguments == nil }

// arguments are those that a letter is sent again with that is no message.
func (l letter) arguments(view kv.View) *messages.Arguments {
	if edited, ok := dead.Edited(view, l.Letter); ok {
		return call.DecodeArguments(edited)
	}
	if l.arrival != nil {
		return l.arrival.Arguments
	}
	return call.Arguments(view, l.call)
}

// value is what a message is sent again with.
func (l letter) value(view kv.View) []byte {
	if edited, ok := dead.Edited(view, l.Letter); ok {
		return edited
	}
	return l.arrival.Value
}

// letters does something to each of some letters. Each is answered by itself.
func (s *step) letters(op string, ids [][]byte, do func(id messages.CallID) (*messages.Reply, *messages.Error)) (*messages.Reply, *messages.Error) {
	if len(ids) == 0 || len(ids) > messages.MaxDead {
		return nil, messages.Errorf(messages.Invalid, op, "dead letters", "%d at once: there must be 1 to %d", len(ids), messages.MaxDead)
	}
	all := new(messages.Replies)
	for _, b := range ids {
		reply, refusal := do(messages.CallIDFrom(b))
		if refusal != nil {
			reply = messages.Refused(refusal).Reply
		}
		all.Replies = append(all.Replies, reply)
	}
	return &messages.Reply{Result: &messages.Reply_Replies{Replies: all}}, nil
}

func noLetter(op string, id messages.CallID) *messages.Error {
	return messages.Errorf(messages.NotFound, op, "dead letter "+id.String(), "there is none: it was sent again or dropped, or has never died").
		WithHint("`flowcli ls dead` shows what there is")
}

func (s *step) redriveDead(c *messages.RedriveDead) (*messages.Reply, *messages.Error) {
	return s.letters(opRedrive, c.Ids, func(id messages.CallID) (*messages.Reply, *messages.Error) {
		return s.redrive(id, c.Owner)
	})
}

// redrive sends one letter again. Asked twice, it answers with what was made of
// the letter the first time.
func (s *step) redrive(id messages.CallID, owner string) (*messages.Reply, *messages.Error) {
	l, ok := findLetter(s.tx, id)
	if !ok {
		again := redrivenID(id, s.group)
		if place, known := call.Find(s.tx, again); known {
			return enqueued(again, call.At(s.tx, place).State, true), nil
		}
		if a, known := s.arrival(again); known {
			return enqueued(again, s.stateOf(a), true), nil
		}
		if d, known := s.dropped(again, 1); known {
			return enqueuedAndDropped(again, d.State), nil
		}
		return nil, noLetter(opRedrive, id)
	}
	if owner == "" {
		owner = l.shown().Owner
	}
	if l.arrival != nil {
		return s.redriveArrival(l, owner)
	}
	again, arguments := l.redriven(s.group), l.arguments(s.tx)
	size := call.Size(arguments)
	k, refusal := s.target(id, l)
	if refusal == nil {
		refusal = s.fits(again, opRedrive, func() string { return "dead letter " + id.String() }, arguments)
	}
	if refusal == nil {
		refusal = noRoom(k, 1, size)
	}
	if refusal != nil {
		return nil, refusal
	}
	if !plant.On(plant.LetterStays) {
		dead.Drop(s.tx, l.Letter)
	}
	rec := s.accept(k, again, &messages.Enqueue{Id: again.Bytes(), Socket: k.ID, Arguments: arguments, Owner: owner, Priority: l.call.Priority,
		Tracking: l.call.Tracking, Parent: l.call.Id, Taskparent: l.call.Taskparent, Flowparent: l.call.Flowparent}, size)
	rec.Events[0].Note = "sent again, in the place of call " + id.String()
	s.wait(k, rec)
	return enqueued(again, rec.State, false), nil
}

// redriveArrival lets a message come to its target again. Its way there begins
// anew: whoever sends it again has seen how far it had gone.
func (s *step) redriveArrival(l letter, owner string) (*messages.Reply, *messages.Error) {
	a, again := l.arrival, l.redriven(s.group)
	k, refusal := s.target(messages.CallIDFrom(a.Id), l)
	if refusal != nil {
		return nil, refusal
	}
	if !l.isMessage() {
		arguments := l.arguments(s.tx)
		if refusal := noRoom(k, 1, call.Size(arguments)); refusal != nil {
			return nil, refusal
		}
		dead.Drop(s.tx, l.Letter)
		s.receive(&messages.Publish{Id: a.Parent, Arguments: arguments, Owner: owner, Priority: a.Priority}, &messages.Copy{Id: again.Bytes(), Socket: a.Socket, Name: a.Name})
		return enqueued(again, messages.CallState_QUEUED, false), nil
	}
	value := l.value(s.tx)
	if refusal := s.readmits(k, a, value); refusal != nil {
		return nil, refusal
	}
	dead.Drop(s.tx, l.Letter)
	s.take(&messages.Arrive{Id: again.Bytes(), Socket: a.Socket, Name: a.Name, Plug: a.Plug, PlugName: a.PlugName, Argument: a.Argument, Value: value,
		Parent: a.Parent, Tracking: a.Tracking, Taskparent: a.Taskparent, Flowparent: a.Flowparent, Owner: owner, Priority: a.Priority})
	state := messages.CallState_QUEUED
	if fresh, atGate := s.arrival(again); atGate {
		state = s.stateOf(fresh)
	}
	return enqueued(again, state, false), nil
}

// target is the socket that a letter is sent to again.
func (s *step) target(id messages.CallID, l letter) (*socket.Socket, *messages.Error) {
	c := l.shown()
	if k, ok := s.socket(c.Socket); ok && k.Stage == socket.Open {
		return k, nil
	}
	return nil, messages.Errorf(messages.NotFound, opRedrive, "dead letter "+id.String(), "its target, socket %s, is gone", c.Name)
}

// readmits refuses a message that would only die again, or make a call that lacks
// what its gate joined: the gate it was for is gone, does not wait for it any
// more, or is full.
func (s *step) readmits(k *socket.Socket, a *messages.Arrival, value []byte) *messages.Error {
	subject, inputs := "dead letter "+messages.CallIDFrom(a.Id).String(), gate.Inputs(k.Config)
	switch {
	case len(inputs) > 0:
	case a.Input != "" || a.Argument != "":
		return messages.Errorf(messages.Conflict, opRedrive, subject, "it was for the gate of socket %s, which has none any more", k.Config.Name).
			WithHint("add the plugs that lead there again, or send all arguments with `flowcli task run`")
	default:
		return noRoom(k, 1, call.Size(gate.Single(a.Argument, value)))
	}
	in, ok := inputFor(k, inputs, a.Plug, a.Argument)
	if !ok {
		return messages.Errorf(messages.Conflict, opRedrive, subject, "the gate of socket %s does not wait for %s any more", k.Config.Name, meantFor(a)).
			WithHint("it waits for: %s", gate.Shown(inputs))
	}
	return stuffed(opRedrive, k, in)
}

// meantFor says what of a gate a message was for.
func meantFor(a *messages.Arrival) string {
	if a.PlugName != "" {
		return "what plug " + a.PlugName + " delivers"
	}
	return a.Argument
}

func (s *step) dropDead(c *messages.DropDead) (*messages.Reply, *messages.Error) {
	return s.letters(opDrop, c.Ids, func(id messages.CallID) (*messages.Reply, *messages.Error) {
		l, ok := findLetter(s.tx, id)
		if !ok {
			return nil, noLetter(opDrop, id)
		}
		dead.Drop(s.tx, l.Letter)
		return &messages.Reply{}, nil
	})
}

// editDead notes what a letter is sent again with. What it died with stays with
// the call.
func (s *step) editDead(c *messages.EditDead) (*messages.Reply, *messages.Error) {
	id := messages.CallIDFrom(c.Id)
	l, ok := findLetter(s.tx, id)
	if !ok {
		return nil, noLetter(opEdit, id)
	}
	with, subject := c.Value, "dead letter "+id.String()
	if !l.isMessage() {
		with = call.EncodeArguments(c.Arguments)
	}
	switch {
	case !l.isMessage() && c.Arguments == nil:
		return nil, messages.Errorf(messages.Invalid, opEdit, subject, "it is a call, and gets arguments")
	case l.isMessage() && !json.Valid(c.Value):
		return nil, messages.Errorf(messages.Invalid, opEdit, subject, "it is a message, and its value is not JSON")
	case len(messages.References(append(c.Arguments.Values(), c.Value)...)) > 0:
		return nil, messages.Errorf(messages.Invalid, opEdit, subject, "what is put in by hand cannot refer to large values")
	case len(with) > messages.MaxInline:
		return nil, messages.Errorf(messages.Invalid, opEdit, subject, "it would have %d bytes, and %d are the most", len(with), messages.MaxInline)
	}
	dead.Edit(s.tx, l.Letter, with)
	return &messages.Reply{}, nil
}

// maxLooked bounds the letters that one page looks at: with a filter a page may
// be empty, and the list go on all the same.
const maxLooked = 2000

// DeadLetters gives a page of dead letters, the latest first, or the one with an
// id, with the arguments that it is sent again with.
func DeadLetters(view kv.View, q *messages.DeadQuery) *messages.DeadPage {
	page := &messages.DeadPage{}
	if id := messages.CallIDFrom(q.Id); !id.IsZero() {
		if l, ok := findLetter(view, id); ok {
			page.Letters = append(page.Letters, l.full(view))
		}
		return page
	}
	rows := min(max(int(q.Rows), 1), messages.MaxDead)
	letters := dead.List(view, decodeCursor(q.Cursor), maxLooked+1)
	for i, found := range letters {
		if found.At < q.Since {
			return page // all behind it died earlier still
		}
		if i == maxLooked || len(page.Letters) == rows {
			page.Next = encodeCursor(letters[i-1].Cursor())
			return page
		}
		l := openLetter(view, found)
		c := l.shown()
		if !isOf(q, c) || q.Type != "" && c.Error.GetType() != q.Type {
			continue
		}
		page.Letters = append(page.Letters, l.head(view))
	}
	return page
}

// isOf says whether a letter is of the socket that is asked for: of the one with
// the id, or of one that had the name and may be gone.
func isOf(q *messages.DeadQuery, c *messages.Call) bool {
	return q.Socket == "" && q.Name == "" || c.Socket == q.Socket || q.Name != "" && c.Name == q.Name
}

// head is a letter in a list.
func (l letter) head(view kv.View) *messages.DeadLetter {
	_, edited := dead.Edited(view, l.Letter)
	return &messages.DeadLetter{Call: l.shown(), Died: l.At, Edited: edited, Message: l.isMessage(), Cursor: encodeCursor(l.Cursor()),
		Before: encodeCursor(l.Before())}
}

// full is a letter with what it is sent again with, and what it printed.
func (l letter) full(view kv.View) *messages.DeadLetter {
	d := l.head(view)
	if l.isMessage() {
		d.Call.Arguments = gate.Single(l.arrival.Argument, l.value(view))
		return d
	}
	if d.Call.Arguments = l.arguments(view); l.arrival != nil {
		return d
	}
	d.Call.Log = call.Log(view, l.Seq, l.call.Attempt)
	return d
}

func encodeCursor(b []byte) string { return hex.EncodeToString(b) }

// decodeCursor gives nothing for what is no cursor: the list begins at its start.
func decodeCursor(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		return nil
	}
	return b
}
