package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/mailbox"
	"github.com/elasticcode/flow/flow/processor"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
)

// dispatch hands a processor's free credits to the calls that wait for them.
// After it, as after every command: no credit is free while a call could take
// it, unless a timer is set to go on.
func (s *step) dispatch(p *processor.Processor) {
	for p.Leases() && p.Credits.Free() {
		number, ok := p.Turns.Next()
		if !ok {
			return
		}
		s.closeRow()
		if s.leases >= maxLeases {
			s.at(timer.Timer{At: s.now, Kind: timer.Dispatch, Target: p.ID})
			return
		}
		s.leaseNext(p, s.numbered(number))
	}
}

// leaseNext leases the call that is next at a socket: of an ordered socket the
// one that holds it, otherwise the first of the mailbox.
func (s *step) leaseNext(p *processor.Processor, k *socket.Socket) {
	var rec *call.Record
	var args *messages.Arguments
	if k.Config.Ordered && k.Holder.Seq != 0 {
		rec = s.load(k.Holder.Seq)
		args = call.Arguments(s.tx, rec)
		roll.Leave(s.tx, k.Number, rec.Seq)
		k.Box.Flush(s.tx)
		k.Box.Take(s.tx, mailbox.Entry{Priority: rec.Priority, Span: span.One(rec.Seq)}, rec.Seq)
	} else {
		e, ok := k.Box.First(s.tx)
		if !ok {
			fail("socket %s is in the ring, and its mailbox is empty", k.ID)
		}
		rec, args = s.first(k, e)
		k.Box.Pop(s.tx, e)
	}
	s.leave(k, messages.CallState_QUEUED, rec.Size)
	p.Turns.Charge(rec.Size)
	s.lease(p, k, rec, args)
	s.recent.calls.Put(s.tx, rec)
}

// first is the record of the first call of an entry, with its arguments. From now on
// one of a block has a record, which the caller writes. He takes it out of the mailbox.
func (s *step) first(k *socket.Socket, e mailbox.Entry) (*call.Record, *messages.Arguments) {
	if e.Block == 0 {
		rec := s.load(e.First)
		roll.Leave(s.tx, k.Number, rec.Seq)
		return rec, call.Arguments(s.tx, rec)
	}
	return s.recent.calls.Block(s.tx, e.Block).Call(s.tx, e.First)
}

// load reads a record that must be there.
func (s *step) load(seq uint64) *call.Record {
	rec, ok := s.recent.calls.Take(s.tx, seq)
	if !ok {
		fail("call %d has no record", seq)
	}
	return rec
}
