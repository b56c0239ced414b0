package flow

import (
	"bytes"
	"fmt"
	"time"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
)

const opRun = "run"

// enqueue accepts a call. It takes a free credit at once, or waits in its
// socket's mailbox.
func (s *step) enqueue(e *messages.Enqueue) (*messages.Reply, *messages.Error) {
	id, refusal := s.readID(e.Id, 1)
	if refusal != nil {
		return nil, refusal
	}
	if s.row.Has(id) {
		s.closeRow()
	}
	if reply, refusal, known := s.sentBefore(id, e.Content); known {
		return reply, refusal
	}
	size := call.Size(e.Arguments)
	k, refusal := s.accepting(id, e.Socket, e.Arguments)
	if refusal == nil {
		refusal = s.absent(opRun, k.String, e.Arguments.References())
	}
	if refusal != nil {
		return nil, refusal
	}
	if e.ToGate {
		return s.enqueueToGate(k, id, e)
	}
	if refusal := beyond(k, 1, size); refusal != nil {
		return nil, refusal
	}
	p := s.processor(k.Config.Processor)
	// A socket in the ring could take the credit: then this call must wait its turn.
	direct := k.Admits() && p.Leases() && !p.Turns.Any() && p.Credits.Free()
	if !direct {
		if refusal := full(k, 1, size); refusal != nil {
			return nil, refusal
		}
	}
	inRow := s.lineUp(k, id, e, size, direct)
	switch {
	case inRow && direct:
		s.lease(p, k, s.row.begin(), e.Arguments)
	case inRow:
		s.await(k, size)
	case direct:
		rec := s.accept(k, id, e, size)
		s.lease(p, k, rec, e.Arguments)
		s.recent.calls.Put(s.tx, rec)
	default:
		s.wait(k, s.accept(k, id, e, size))
	}
	if direct {
		return enqueued(id, messages.CallState_RUNNING, false), nil
	}
	return enqueued(id, messages.CallState_QUEUED, false), nil
}

// readID reads the id of a call, or the first of count, sent to this partition.
func (s *step) readID(b []byte, count int) (messages.CallID, *messages.Error) {
	id := messages.CallIDFrom(b)
	switch {
	case id.IsZero():
		return id, messages.Errorf(messages.Invalid, opRun, fmt.Sprintf("%x", b), "not the id of a call")
	case id.Partition() != s.group:
		return id, messages.Errorf(messages.Invalid, opRun, id.String(), "the id belongs to partition %d, and this is %d", id.Partition(), s.group)
	case id.Index()+count > 1<<16:
		return id, messages.Errorf(messages.Invalid, opRun, id.String(), "%d ids do not fit after it", count)
	}
	return id, nil
}

// sentBefore answers a key that is known: of a call, of what a gate was given, or
// of a call that was dropped.
func (s *step) sentBefore(id messages.CallID, content []byte) (reply *messages.Reply, refusal *messages.Error, known bool) {
	if s.isNew(id) {
		return nil, nil, false
	}
	if place, ok := call.Known(s.tx, id); ok {
		if reply, refusal = s.sentAgain(id, place, content); refusal == nil {
			_, here := call.Find(s.tx, id)
			reply.GetEnqueued().Dropped = !here
		}
		return reply, refusal, true
	}
	if a, ok := s.arrival(id); ok {
		reply, refusal = s.arrivedBefore(a, content)
		return reply, refusal, true
	}
	if d, ok := s.dropped(id, 1); ok {
		reply, refusal = s.droppedBefore(id, d, content)
		return reply, refusal, true
	}
	return nil, nil, false
}

// sentAgain answers the key of a call that is known, or of a batch.
func (s *step) sentAgain(id messages.CallID, place call.Place, content []byte) (*messages.Reply, *messages.Error) {
	rec := call.At(s.tx, place)
	if rec.ID() != id || !bytes.Equal(rec.Content, content) {
		return nil, otherContent(id)
	}
	return s.unchanged(enqueued(id, rec.State, true)), nil
}

func otherContent(id messages.CallID) *messages.Error {
	return messages.Errorf(messages.Conflict, opRun, id.String(), "this key was used before, with other content").
		WithHint("send it with another key")
}

// accepting gives the socket that a new call is for, or says why it is refused.
func (s *step) accepting(id messages.CallID, socketID string, calls ...*messages.Arguments) (*socket.Socket, *messages.Error) {
	k, ok := s.socket(socketID)
	switch {
	case !ok || k.Stage == socket.Removed:
		return nil, messages.Errorf(messages.NotFound, opRun, "socket "+socketID, "there is no such socket in partition %d", s.group)
	case k.Stage == socket.Queue:
		return nil, messages.Errorf(messages.Invalid, opRun, "queue "+k.Config.Name, "it is a queue, and no socket").WithHint("publish to it")
	case k.Stage != socket.Open:
		return nil, messages.Errorf(messages.NotFound, opRun, "socket "+k.Config.Name, "it is being deleted")
	}
	return k, s.fits(id, opRun, k.String, calls...)
}

// fits refuses a key that may have been forgotten, and arguments that are too
// large. Its subject is asked for when there is something to be said of it.
func (s *step) fits(id messages.CallID, op string, subject func() string, calls ...*messages.Arguments) *messages.Error {
	if at, ok := id.Time(); ok && at.UnixMicro() < s.now-Remembered.Microseconds() {
		return messages.Errorf(messages.Invalid, op, id.String(),
			"its key was made at %s, and calls that old may be forgotten", at.Format(time.RFC3339)).
			WithHint("send it with a new key")
	}
	for _, args := range calls {
		if size := call.Size(args); size > messages.MaxValue {
			return messages.Errorf(messages.Invalid, op, subject(), "the arguments have %d bytes, and %d are the most", size, messages.MaxValue)
		}
		if size := args.Inline(); size > messages.MaxInline {
			return messages.Errorf(messages.Invalid, op, subject(),
				"the arguments have %d bytes within the command, and %d are the most: large ones go by reference", size, messages.MaxInline)
		}
	}
	return nil
}

// accept makes a call's record and keeps what does not change any more.
func (s *step) accept(k *socket.Socket, id messages.CallID, e *messages.Enqueue, size uint64) *call.Record {
	s.number(id, &s.partition.seq, 1)
	rec := &call.Record{Call: &messages.Call{
		Id: id.Bytes(), Socket: k.ID, Name: k.Config.Name, State: messages.CallState_RECEIVED,
		Owner: e.Owner, Received: s.now, Seq: s.partition.seq, Priority: e.Priority, Content: e.Content, Size: size,
		Parent: e.Parent, Taskparent: e.Taskparent, Flowparent: e.Flowparent,
	}}
	run := messages.CallIDFrom(e.Tracking)
	if run.IsZero() {
		run = id
	}
	rec.Tracking = run.Bytes()
	rec.Note(s.now, call.Received, "")
	call.Remember(s.tx, id, rec.Seq)
	call.PutArguments(s.tx, rec.Seq, e.Arguments)
	refs := e.Arguments.References()
	rec.Large = len(refs) > 0
	s.name(refs)
	if run != id { // the call that began the run is found by its id
		span.Put(s.tx, roll.Run(run), span.One(rec.Seq))
	}
	return rec
}

// wait puts a new call into its mailbox, and sets the timer of its expiry.
func (s *step) wait(k *socket.Socket, rec *call.Record) {
	rec.Expires = s.expiry(k)
	s.queue(k, rec)
	roll.Wait(s.tx, k.Number, rec.Seq)
	s.enter(k, rec.State, rec.Size)
	s.recent.calls.Put(s.tx, rec)
	if rec.Expires != 0 {
		s.at(timer.Timer{At: rec.Expires, Kind: timer.Expire, Target: timer.Seq(rec.Seq)})
	}
	s.settle(k)
}

// expiry is when a call that begins to wait now expires; 0: never.
func (s *step) expiry(k *socket.Socket) int64 {
	if k.Config.MessageTtl <= 0 {
		return 0
	}
	return s.now + micros(k.Config.MessageTtl)
}
