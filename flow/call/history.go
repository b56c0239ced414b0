package call

import (
	"strings"

	"github.com/elasticcode/flow/messages"
)

// The names of events.
const (
	Received  = "received"
	Prerun    = "prerun"
	Postrun   = "postrun"
	Retried   = "retry"
	Released  = "release"
	Cancelled = "cancel"
	Lost      = "lost"
	Expired   = "expired"
)

// maxNote bounds what an event says.
const maxNote = 256

// Said is a note as an event keeps it.
func Said(note string) string { return Cut(note, maxNote) }

// Note adds an event. When there are too many, the first half stay and the
// oldest of the others goes: how a call began and how it goes now are what
// people ask for.
func (r *Record) Note(now int64, name, note string) {
	e := r.event()
	e.Name, e.Time, e.Note, e.Attempt, e.Node = name, now, Said(note), r.Attempt, r.Node
	r.Lastupdated = now
	if len(r.Events) < messages.MaxEvents {
		r.Events = append(r.Events, e)
		return
	}
	half := messages.MaxEvents / 2
	copy(r.Events[half:], r.Events[half+1:])
	r.Events[len(r.Events)-1] = e
}

func (r *Record) event() *messages.Event {
	if len(r.blank) == 0 {
		return new(messages.Event)
	}
	e := &r.blank[0]
	r.blank = r.blank[1:]
	return e
}

// Bound cuts a failure to what is kept of one.
func Bound(f *messages.Failure) *messages.Failure {
	return &messages.Failure{Type: Cut(f.GetType(), messages.MaxName), Message: Cut(f.GetMessage(), messages.MaxTraceback),
		Traceback: Cut(f.GetTraceback(), messages.MaxTraceback)}
}

// Cut shortens a text to at most n bytes, never inside a character.
func Cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}
