package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/mailbox"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/messages"
)

// row is the calls of neighbouring commands of an entry that wait at one socket and are alike. They are answered
// and counted one by one, as they come, and written together as one block: one span in the mailbox and one in the
// roll, and no record of their own until they are leased. Whatever else is done closes the row first, so that
// nobody sees a call that is not written yet.
type row struct {
	call.Row
	socket *socket.Socket
	alike  *messages.Call // what they have in common, with the first one's place
	size   uint64         // of the first one's arguments
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

// lineUp lets a new call wait in the row, or in one that it begins. Not one that has values kept elsewhere, or
// expires: they need a record.
func (s *step) lineUp(k *socket.Socket, id messages.CallID, e *messages.Enqueue, size uint64) bool {
	fits := plain(e) && k.Config.MessageTtl <= 0 && len(e.Arguments.References()) == 0
	if !fits || !s.row.Add(id, e.Content, e.Arguments, size) {
		s.closeRow()
		if !fits || !s.row.Add(id, e.Content, e.Arguments, size) {
			return false
		}
	}
	latest := s.partition.latest
	s.number(id, &s.partition.seq, 1)
	if s.row.Len() == 1 {
		s.row.socket, s.row.size, s.row.latest = k, size, latest
		s.row.alike = &messages.Call{
			Socket: k.ID, Name: k.Config.Name, State: messages.CallState_QUEUED,
			Owner: e.Owner, Received: s.now, Seq: s.partition.seq, Priority: e.Priority,
		}
	}
	k.Box.Await()
	s.enter(k, messages.CallState_QUEUED, size)
	s.settle(k)
	return true
}

// closeRow writes the row.
func (s *step) closeRow() {
	r := &s.row
	n := uint64(r.Len())
	if n == 0 {
		return
	}
	k, rec := r.socket, &call.Record{Call: r.alike}
	calls := span.One(rec.Seq)
	rec.Note(rec.Received, call.Received, "")
	if n == 1 {
		s.putOnly(rec)
	} else {
		calls.Last = rec.Seq + n - 1
		calls.Block = calls.Last
		s.recent.calls.PutRow(s.tx, rec.Call, &r.Row, r.latest)
	}
	span.Put(s.tx, roll.Socket(k.Number, roll.Open), calls)
	k.Box.PutAwaited(s.tx, mailbox.Entry{Priority: rec.Priority, Span: calls})
	r.Clear()
}

// putOnly writes a call that is alone in its row.
func (s *step) putOnly(rec *call.Record) {
	id, content, arguments := s.row.Only()
	rec.Id, rec.Tracking, rec.Content, rec.Size = id.Bytes(), id.Bytes(), content, s.row.size
	call.Remember(s.tx, id, rec.Seq)
	call.PutEncoded(s.tx, rec.Seq, arguments)
	s.recent.calls.Put(s.tx, rec)
}
