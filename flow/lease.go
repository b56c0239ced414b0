package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/processor"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// lease gives a call, which is not in the mailbox any more, to the processor's
// least loaded slot: its next attempt begins. The caller writes its record.
func (s *step) lease(p *processor.Processor, k *socket.Socket, rec *call.Record, args *messages.Arguments) {
	l := s.leastLoaded(p)
	s.unexpire(rec)
	rec.State = messages.CallState_RUNNING
	if rec.Attempt == 0 || !plant.On(plant.ReusedAttempt) {
		rec.Attempt++
	}
	rec.Session, rec.Slot, rec.Node, rec.Commit = l.Session, l.Name.Slot, l.Node, l.Commit
	if rec.Started == 0 {
		rec.Started = s.now
	}
	rec.Note(s.now, call.Prerun, "")
	s.enter(k, rec.State, rec.Size)

	s.partition.order++
	lease := slot.Lease{Call: rec.ID(), Seq: rec.Seq, Attempt: rec.Attempt, Order: s.partition.order}
	l.Leases = append(l.Leases, lease)
	s.credit(l)
	k.Leased++
	if k.Config.Ordered && k.Holder.Seq == 0 && !plant.On(plant.OrderedTwo) {
		k.Holder = socket.Holder{Seq: rec.Seq}
	}
	k.Holder.Ready = false
	s.pass(p, k)
	s.settle(k)
	s.leases++
	s.effects = append(s.effects, start(s.group, k, p, l, lease, rec, args))
}

func (s *step) leastLoaded(p *processor.Processor) *slot.Slot {
	index, ok := p.Credits.Take()
	if l, there := s.slots.among(func(l *slot.Slot) bool { return l.Processor == p.ID && l.Index == index }); there {
		return l
	}
	name, known := slot.Named(s.tx, p.ID, index)
	if ok && known {
		if l, there := s.slot(name); there {
			return l
		}
	}
	fail("processor %s gives a credit that no slot stands for", p.ID)
	return nil
}

// start is what the slot is asked to do.
func start(group messages.GroupID, k *socket.Socket, p *processor.Processor, l *slot.Slot, lease slot.Lease, rec *call.Record, args *messages.Arguments) *messages.Start {
	limit := p.Config.GetTimelimit()
	if k.Config.Timelimit != nil {
		limit = *k.Config.Timelimit
	}
	return &messages.Start{
		Session: l.Session, Slot: l.Name.Slot, Call: rec.Id, Attempt: lease.Attempt,
		Socket: k.ID, SocketName: k.Config.Name, Processor: p.ID, Function: k.Config.Function, Commit: rec.Commit,
		Arguments: args, Timelimit: limit, Tracking: rec.Tracking, BuiltinEcho: p.Config.GetBuiltinEcho(),
		Group: uint32(group), Order: lease.Order,
	}
}

// unlease says that a slot has let go of a call.
func (s *step) unlease(k *socket.Socket) {
	if k.Leased == 0 {
		fail("socket %s loses a lease, and has none", k.ID)
	}
	k.Leased--
}

// unexpire takes away the timer of a call that has not started; those of a block
// share one, which stays.
func (s *step) unexpire(rec *call.Record) {
	if rec.Started == 0 && rec.Expires != 0 && rec.Block == 0 {
		timer.Drop(s.tx, timer.Timer{At: rec.Expires, Kind: timer.Expire, Target: timer.Seq(rec.Seq)})
	}
}

func (s *step) enter(k *socket.Socket, state messages.CallState, size uint64) {
	k.Counts.Enter(state, 1, size)
	s.partition.counts.Enter(state, 1, size)
}

func (s *step) leave(k *socket.Socket, state messages.CallState, size uint64) {
	k.Counts.Leave(state, size)
	s.partition.counts.Leave(state, size)
}
