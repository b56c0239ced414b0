package flow

import (
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/mailbox"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// enqueueBatch accepts calls of one socket as one block: all of them or none.
func (s *step) enqueueBatch(e *messages.EnqueueBatch) (*messages.Reply, *messages.Error) {
	count := len(e.Arguments)
	if count == 0 || count > messages.MaxBatch {
		return nil, messages.Errorf(messages.Invalid, opRun, "batch", "%d calls: want 1 to %d", count, messages.MaxBatch)
	}
	first, refusal := s.readID(e.First, count)
	if refusal != nil {
		return nil, refusal
	}
	if reply, refusal, known := s.batchSentBefore(first, e); known {
		return reply, refusal
	}
	total, refs := uint64(0), []messages.Reference(nil)
	for _, a := range e.Arguments {
		total += call.Size(a)
		refs = append(refs, a.References()...)
	}
	k, refusal := s.accepting(first, e.Socket, e.Arguments...)
	if refusal == nil {
		refusal = s.absent(opRun, k.String, refs)
	}
	if refusal == nil {
		refusal = noRoom(k, count, total)
	}
	if refusal != nil && count > 1 && errors.Is(refusal, messages.Exhausted) && plant.On(plant.BatchCut) {
		cut := proto.CloneOf(e)
		cut.Arguments = cut.Arguments[:count/2]
		return s.enqueueBatch(cut)
	}
	if refusal != nil {
		return nil, refusal
	}
	s.acceptBlock(k, first, e, total)
	s.name(refs)
	return enqueued(first, messages.CallState_QUEUED, false), nil
}

// batchSentBefore answers a batch of which an id is known.
func (s *step) batchSentBefore(first messages.CallID, e *messages.EnqueueBatch) (reply *messages.Reply, refusal *messages.Error, known bool) {
	if s.isNew(first) {
		return nil, nil, false
	}
	if place, ok := call.Taken(s.tx, first, len(e.Arguments)); ok {
		reply, refusal = s.batchSentAgain(first, place, e)
		return reply, refusal, true
	}
	d, ok := s.dropped(first, len(e.Arguments))
	switch {
	case !ok:
		return nil, nil, false
	case d.First != first || int(d.Count) != len(e.Arguments):
		return nil, otherContent(first), true
	}
	reply, refusal = s.droppedBefore(first, d, e.Content)
	return reply, refusal, true
}

// batchSentAgain answers a batch of which an id is known: it must be the very
// same batch, or the one call that it is a batch of.
func (s *step) batchSentAgain(first messages.CallID, place call.Place, e *messages.EnqueueBatch) (*messages.Reply, *messages.Error) {
	known := span.One(place.Seq)
	if place.Block != 0 && !place.Row {
		known = call.OpenBlock(s.tx, place.Block).Span()
	}
	if known.First != place.Seq || known.Len() != uint64(len(e.Arguments)) {
		return nil, otherContent(first)
	}
	return s.sentAgain(first, place, e.Content)
}

func (s *step) acceptBlock(k *socket.Socket, first messages.CallID, e *messages.EnqueueBatch, size uint64) {
	count := uint64(len(e.Arguments))
	calls := span.Span{First: s.partition.seq + 1, Last: s.partition.seq + count, Block: s.partition.seq + count}
	s.number(first, &s.partition.seq, count)
	run := messages.CallIDFrom(e.Tracking)
	common := &call.Record{Call: &messages.Call{
		Id: first.Bytes(), Socket: k.ID, Name: k.Config.Name, State: messages.CallState_QUEUED,
		Owner: e.Owner, Received: s.now, Seq: calls.First, Priority: e.Priority, Content: e.Content,
		Tracking: run.Bytes(), // none: each call is a run of its own
	}}
	common.Note(s.now, call.Received, "")
	expires := s.expiry(k)
	if expires != 0 {
		s.at(timer.Timer{At: expires, Kind: timer.ExpireBlock, Target: timer.Seq(calls.Block)})
	}
	call.PutBlock(s.tx, common.Call, e.Arguments, expires)
	if !run.IsZero() {
		span.Put(s.tx, roll.Run(run), calls)
	}
	span.Put(s.tx, roll.Socket(k.Number, roll.Open), calls)
	k.Box.Put(s.tx, mailbox.Entry{Priority: e.Priority, Span: calls})
	k.Counts.Enter(messages.CallState_QUEUED, count, size)
	s.partition.counts.Enter(messages.CallState_QUEUED, count, size)
	s.settle(k)
}
