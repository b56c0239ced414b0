package flow

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/elasticcode/flow/messages"
)

// oLetter is a dead letter: a call, or a message of which no call was made.
type oLetter struct {
	id      messages.CallID
	died    int64
	call    *oCall
	arrival *oArrival
	edited  bool
	with    *messages.Arguments
	value   []byte
}

// isMessage says that it has one value, and not arguments.
func (l *oLetter) isMessage() bool { return l.arrival != nil && l.arrival.args == nil }

// arguments are those that it is sent again with, if it is no message.
func (l *oLetter) arguments() *messages.Arguments {
	switch {
	case l.edited:
		return l.with
	case l.arrival != nil:
		return l.arrival.args
	}
	return l.call.sent.Arguments
}

func (o *oracle) letter(id messages.CallID) *oLetter {
	for _, l := range o.letters {
		if l.id == id {
			return l
		}
	}
	return nil
}

func (o *oracle) forget(l *oLetter) {
	o.letters = slices.DeleteFunc(o.letters, func(m *oLetter) bool { return m == l })
}

func (o *oracle) each(ids [][]byte, do func(*oLetter, messages.CallID) string) (answer string) {
	if len(ids) == 0 {
		return "INVALID"
	}
	for _, id := range ids {
		answer += do(o.letter(messages.CallIDFrom(id)), messages.CallIDFrom(id)) + ";"
	}
	return answer
}

func (o *oracle) redrive(l *oLetter, id messages.CallID, owner string) string {
	again := messages.DeriveCallID(id.String(), "redrive", 1, o.group)
	if l == nil {
		if c := o.call(again); c != nil && !c.forgotten {
			return droppedAnswer(o.known(c), c.gone)
		}
		if a := o.arrival(again); a != nil {
			return droppedAnswer(a.callState(), a.gone())
		}
		return "NOT_FOUND"
	}
	if l.arrival != nil {
		return o.redriveArrival(l, again, owner)
	}
	k, args := l.call.socket, l.arguments()
	if k.deleting {
		return "NOT_FOUND"
	}
	if answer := o.noRoom(k, 1, sizeOf(args)); answer != "" {
		return answer
	}
	o.forget(l)
	o.newCall(k, again, &messages.Arrive{Tracking: l.call.sent.Tracking, Parent: id.Bytes(), Owner: cmp.Or(owner, l.call.sent.Owner), Priority: l.call.priority}, args)
	o.settle(k)
	return enqueuedAnswer(isQueued, false)
}

func (o *oracle) redriveArrival(l *oLetter, again messages.CallID, owner string) string {
	a := l.arrival
	k := o.socket(a.socket)
	if k == nil || k.deleting {
		return "NOT_FOUND"
	}
	if !l.isMessage() {
		args := l.arguments()
		if answer := o.noRoom(k, 1, sizeOf(args)); answer != "" {
			return answer
		}
		o.forget(l)
		o.receive(&messages.Publish{Id: a.sent.Parent, Arguments: args, Owner: cmp.Or(owner, a.sent.Owner), Priority: a.sent.Priority},
			&messages.Copy{Id: again.Bytes(), Socket: a.socket, Name: a.sent.Name})
		return enqueuedAnswer(isQueued, false)
	}
	value := []byte(a.value)
	if l.edited {
		value = l.value
	}
	if answer := o.readmits(k, a, value); answer != "" {
		return answer
	}
	o.forget(l)
	o.take(&messages.Arrive{Id: again.Bytes(), Socket: a.socket, Name: a.sent.Name, Plug: a.sent.Plug, PlugName: a.sent.PlugName, Argument: a.sent.Argument,
		Value: value, Parent: a.sent.Parent, Tracking: a.sent.Tracking, Owner: cmp.Or(owner, a.sent.Owner), Priority: a.sent.Priority})
	if fresh := o.arrival(again); fresh != nil {
		return enqueuedAnswer(fresh.callState(), false)
	}
	return enqueuedAnswer(isQueued, false)
}

// readmits is why a message cannot come again to where it was on its way to.
func (o *oracle) readmits(k *oSocket, a *oArrival, value []byte) string {
	if len(k.inputs()) == 0 {
		switch {
		case a.input != "" || a.sent.Argument != "":
			return "CONFLICT"
		}
		return o.noRoom(k, 1, int(messages.ValueSize(value)))
	}
	input := k.inputOf(a.sent)
	if !slices.Contains(k.inputs(), input) {
		return "CONFLICT"
	}
	if len(slices.DeleteFunc(o.waiting(k), func(b *oArrival) bool { return b.input != input })) >= k.gateLimit() {
		return "EXHAUSTED"
	}
	return ""
}

func (o *oracle) dropLetter(l *oLetter, _ messages.CallID) string {
	if l == nil {
		return "NOT_FOUND"
	}
	o.forget(l)
	return ""
}

func (o *oracle) editLetter(m *messages.EditDead) string {
	l := o.letter(messages.CallIDFrom(m.Id))
	switch {
	case l == nil:
		return "NOT_FOUND"
	case len(messages.References(m.Arguments.Values()...)) > 0, !l.isMessage() && m.Arguments == nil, l.isMessage() && string(m.Value) == "no JSON":
		return "INVALID"
	}
	l.edited, l.with, l.value = true, m.Arguments, m.Value
	return ""
}

// compareDead reads the dead letters page by page and holds them against the
// oracle's.
func (e *episode) compareDead() {
	e.t.Helper()
	var got, want []string
	text := func(id messages.CallID, died int64, edited, message bool) string {
		return fmt.Sprint(id, died, edited, message)
	}
	q := &messages.DeadQuery{Rows: int32(1 + e.rng.IntN(4)), Socket: e.pick("", "", "A", "O")}
	for first := true; first || q.Cursor != ""; first = false {
		page := DeadLetters(e.state, q)
		for _, l := range page.Letters {
			got = append(got, text(messages.CallIDFrom(l.Call.Id), l.Died, l.Edited, l.Message))
		}
		q.Cursor = page.Next
	}
	for _, l := range e.oracle.letters {
		if q.Socket == "" || l.call != nil && l.call.socket.id == q.Socket || l.arrival != nil && l.arrival.socket == q.Socket {
			want = append(want, text(l.id, l.died, l.edited, l.isMessage()))
		}
		e.compareLetter(l)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		e.fatal("dead letters of socket %q are\n%v, want\n%v", q.Socket, got, want)
	}
}

// compareLetter holds what a letter is sent again with against the oracle's.
func (e *episode) compareLetter(want *oLetter) {
	e.t.Helper()
	page := DeadLetters(e.state, &messages.DeadQuery{Id: want.id.Bytes()})
	if len(page.Letters) != 1 {
		e.fatal("there is no dead letter %s", want.id)
	}
	got := page.Letters[0].Call.Arguments
	switch {
	case !want.isMessage():
		with := want.arguments()
		if sizeOf(got) != sizeOf(with) {
			e.fatal("dead letter %s is sent again with %v, want %v", want.id, got, with)
		}
	case want.edited:
		value := append(got.GetPositional(), nil)[0]
		if len(got.GetNamed()) > 0 {
			value = got.Named[0].Value
		}
		if !bytes.Equal(value, want.value) {
			e.fatal("dead letter %s is sent again with %s, want %s", want.id, value, want.value)
		}
	}
}
