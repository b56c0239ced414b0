package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/mailbox"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/messages"
)

// row is the calls of neighbouring commands of an entry that came to one socket and are alike. They are answered
// and counted one by one, as they come, and written together as one block. Those that find a free credit begin at once;
// the others, behind them, are one span in the mailbox and one in the roll, and have no record of their own until they
// are leased. Whatever else is done closes the row first, so that nobody sees a call that is not written yet.
type row struct {
	call.Row
	socket *socket.Socket
	alike  *messages.Call // what they have in common, with the first one's place
	size   uint64         // of the latest one's arguments
	latest int64          // when the latest id was made of all calls before
}

// takes says whether a command may be for one more of its calls.
func (r *row) takes(e *messages.Enqueue, now int64) bool {
	return r.Len() > 0 && e.Socket == r.socket.ID && e.Owner == r.alike.Owner && e.Priority == r.alike.Priority && now == r.alike.Received && plain(e)
}

// plain says that a call comes from a client and begins a run of its own.
func plain(e *messages.Enqueue) bool {
	return !e.ToGate && len(e.Tracking)+len(e.Parent)+len(e.Taskparent)+len(e.Flowparent) == 0
}

// lineUp takes a new call into the row, or into one that it begins. Not one that has values kept elsewhere, or
// expires: they need a record. One that begins at once does not stand behind those that wait.
func (s *step) lineUp(k *socket.Socket, id messages.CallID, e *messages.Enqueue, size uint64, direct bool) bool {
	fits := plain(e) && k.Config.MessageTtl <= 0 && len(e.Arguments.References()) == 0
	if direct && s.row.Begun() < s.row.Len() {
		s.closeRow()
	}
	if !fits || !s.row.Add(id, e.Content, e.Arguments, size) {
		s.closeRow()
		if !fits || !s.row.Add(id, e.Content, e.Arguments, size) {
			return false
		}
	}
	latest := s.partition.latest
	s.number(id, &s.partition.seq, 1)
	if s.row.Len() == 1 {
		s.row.socket, s.row.latest = k, latest
		first := &call.Record{Call: &messages.Call{
			Socket: k.ID, Name: k.Config.Name, State: messages.CallState_QUEUED,
			Owner: e.Owner, Received: s.now, Seq: s.partition.seq, Priority: e.Priority,
		}}
		first.Note(s.now, call.Received, "")
		s.row.alike = first.Call
	}
	s.row.size = size
	return true
}

// begin is the record of the latest call of the row, which begins at once.
func (r *row) begin() *call.Record { return r.Begin(r.alike, r.size) }

// await counts the latest call of the row, which waits.
func (s *step) await(k *socket.Socket, size uint64) {
	k.Box.Await()
	s.enter(k, messages.CallState_QUEUED, size)
	s.settle(k)
}

// closeRow writes the row.
func (s *step) closeRow() {
	r := &s.row
	n, begun := uint64(r.Len()), uint64(r.Begun())
	if n == 0 {
		return
	}
	calls := span.Span{First: r.alike.Seq + begun, Last: r.alike.Seq + n - 1}
	if n == 1 {
		s.putOnly()
	} else {
		calls.Block = calls.Last
		s.recent.calls.PutRow(s.tx, r.alike, &r.Row, r.latest)
	}
	if begun < n {
		span.Put(s.tx, roll.Socket(r.socket.Number, roll.Open), calls)
		r.socket.Box.PutAwaited(s.tx, mailbox.Entry{Priority: r.alike.Priority, Span: calls})
	}
	r.Clear()
}

// putOnly writes a call that is alone in its row.
func (s *step) putOnly() {
	rec, arguments := s.row.Only(s.row.alike, s.row.size)
	call.Remember(s.tx, rec.ID(), rec.Seq)
	call.PutEncoded(s.tx, rec.Seq, arguments)
	s.recent.calls.Put(s.tx, rec)
}
