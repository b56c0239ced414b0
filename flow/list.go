package flow

import (
	"encoding/binary"
	"strings"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// defaultRows is how many rows a page has that does not say.
const defaultRows = 10

// maxAtGates bounds the messages at gates that are counted for one page.
const maxAtGates = 1000

// maxExamined bounds how many calls are read for one page, or counted for one
// total, when a filter has no index of its own: that of a run and another one
// together. A page may then be short, and still have a next one.
const maxExamined = 20_000

// ListCalls gives a page of calls in the order of their arrival, latest first
// unless asked otherwise: from where cursor, a page's next, says, and past skip
// calls more. q.Socket is a socket's id; states are matched by name in any
// case. now is the reader's clock, as in GetCall.
//
// The total is that of all pages. Page after page it may change, as calls come
// and end; a call is never given twice by following cursors.
func ListCalls(view kv.View, q *messages.ListCallsRequest, cursor []byte, skip int, now int64) *messages.CallPage {
	l := newListing(view, q)
	page := &messages.CallPage{Total: int64(l.total()), AtGates: int64(l.atGates())}
	rows := int(q.Rows)
	if rows <= 0 {
		rows = defaultRows
	}
	rows = min(rows, messages.MaxPageRows)
	w := newWaits(view, now)
	from, ok := l.from(cursor)
	if !ok {
		return page
	}
	page.Next = l.walk(from, uint64(max(skip, 0)), func(rec *call.Record) (more bool) {
		w.explain(rec)
		if q.Results {
			call.Fill(view, rec)
		}
		page.Calls = append(page.Calls, rec.Call)
		return len(page.Calls) < rows
	})
	return page
}

// listing is a list that was asked for.
type listing struct {
	view   kv.View
	socket string
	states states
	run    messages.CallID
	ascend bool
}

func newListing(view kv.View, q *messages.ListCallsRequest) *listing {
	l := &listing{view: view, socket: q.Socket, states: readStates(q.States, q.Unfinished), ascend: q.Ascend}
	if q.Tracking != "" {
		l.run, _ = messages.ParseCallID(q.Tracking)
		if l.run.IsZero() {
			l.states = none // no run has such an id
		}
	}
	return l
}

// states is a set of states, by number.
type states uint32

const (
	every states = 0
	none  states = 1 << 31
)

func readStates(names []string, unfinished bool) (set states) {
	if unfinished {
		set |= unended
	}
	for _, name := range names {
		if n, ok := messages.CallState_value[strings.ToUpper(name)]; ok && n > 0 {
			set |= 1 << n
		} else {
			set |= none
		}
	}
	return set
}

const (
	queued  = states(1 << messages.CallState_QUEUED)
	running = states(1 << messages.CallState_RUNNING)
	unended = states(1<<messages.CallState_RECEIVED|1<<messages.CallState_WAITING) | queued | running
)

func (s states) has(state messages.CallState) bool { return s == every || s&(1<<state) != 0 }

// from is where a list begins, or goes on behind a cursor.
func (l *listing) from(cursor []byte) (from uint64, ok bool) {
	if len(cursor) != 8 {
		if l.ascend {
			return 0, true
		}
		return call.Last, true
	}
	last := binary.BigEndian.Uint64(cursor)
	if l.ascend {
		return last + 1, last != call.Last
	}
	return last - 1, last != 0
}

// walk gives the calls of the list, skip of them left out, until it is told to
// stop. It returns the cursor of the last call given, nil at the end.
func (l *listing) walk(from, skip uint64, yield func(*call.Record) bool) (next []byte) {
	examined, stopped := 0, false
	for s := range l.spans(from) {
		if stopped { // there is another one
			return next
		}
		if l.indexed() && skip >= s.Len() {
			skip -= s.Len()
			continue
		}
		for seq := range l.places(s) {
			if stopped {
				return next
			}
			if l.indexed() && skip > 0 {
				skip--
				continue
			}
			rec := call.At(l.view, call.Place{Seq: seq, Block: s.Block})
			examined++
			next = binary.BigEndian.AppendUint64(nil, seq)
			stopped = !l.indexed() && examined == maxExamined
			if !l.matches(rec) {
				continue
			}
			if skip > 0 {
				skip--
			} else if !yield(rec) {
				stopped = true
			}
		}
	}
	return nil
}

// places gives the calls of a span in the list's order.
func (l *listing) places(s span.Span) func(func(uint64) bool) {
	return func(yield func(uint64) bool) {
		for i := range s.Len() {
			seq := s.Last - i
			if l.ascend {
				seq = s.First + i
			}
			if !yield(seq) {
				return
			}
		}
	}
}

// indexed says that spans holds exactly the calls of the list.
func (l *listing) indexed() bool { return l.run.IsZero() || l.socket == "" && l.states == every }

func (l *listing) matches(rec *call.Record) bool {
	return l.indexed() || (l.socket == "" || rec.Socket == l.socket) && l.states.has(rec.State)
}

// atGates counts what waits at gates: no calls yet, but what people look for
// among those that have not ended.
func (l *listing) atGates() int {
	if !l.states.has(messages.CallState_WAITING) {
		return 0
	}
	var sockets []uint32 // all
	if l.socket != "" {
		sockets = []uint32{}
		for _, k := range l.sockets() {
			sockets = append(sockets, k.Number)
		}
	}
	return gate.Count(l.view, sockets, l.run, maxAtGates)
}
