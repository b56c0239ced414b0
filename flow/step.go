package flow

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/memo"
	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/flow/processor"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// recent is what is remembered from entry to entry: see memo.
type recent struct {
	calls      call.Recent
	ids        memo.IDs
	sockets    socket.Configs
	processors processor.Configs
	things     things
	row        call.Row // empty, but for its memory
}

// things are the sockets, processors and slots that are loaded.
type things struct {
	sockets    loaded[string, *socket.Socket]
	processors loaded[string, *processor.Processor]
	slots      loaded[slot.Name, *slot.Slot]
}

// step is the application of one log entry. The sockets, processors and slots
// that its commands touch are loaded once, changed in memory, and written by
// save when all have been applied, and stay loaded for the next entry; records,
// spans and timers are written at once. What is read by scanning must be written
// before: see drop.
type step struct {
	things

	tx    kv.Tx
	group messages.GroupID
	now   int64

	supports  uint32 // feature levels up to this one
	recent    *recent
	partition partition
	changed   bool
	row       row           // of the commands before
	before    proto.Message // the command before

	// Of the command that is being applied:

	ready   []*processor.Processor // those that may have a call and a credit for it
	leases  int                    // calls leased so far
	same    bool                   // nothing was changed
	effects []proto.Message
	ends    []ends // calls that it has ended
}

func fail(format string, args ...any) { pack.Fail(format, args...) }

func newStep(tx kv.Tx, group messages.GroupID, now int64, recent *recent) *step {
	s := &step{tx: tx, group: group, now: now, recent: recent, partition: loadPartition(tx), things: recent.things, row: row{Row: recent.row}}
	recent.things = things{} // until save: what an entry that fails has changed is not the state
	return s
}

// begin begins with the next command.
func (s *step) begin() {
	s.sockets.begin()
	s.processors.begin()
	s.slots.begin()
	s.ready, s.leases, s.same, s.effects, s.ends = s.ready[:0], 0, false, nil, s.ends[:0]
}

// unchanged is the end of a command that has changed nothing.
func (s *step) unchanged(reply *messages.Reply) *messages.Reply {
	s.same = true
	return reply
}

// finish ends a command that was not refused: it leases what can be leased, and
// removes what is empty and was to go.
func (s *step) finish() {
	if s.same {
		return
	}
	s.sweepEnds()
	for more := true; more; more = s.clear() {
		for len(s.ready) > 0 {
			p := s.ready[0]
			s.ready = slices.Delete(s.ready, 0, 1)
			s.dispatch(p)
		}
	}
	for _, i := range s.processors.touched {
		if p := i.value; p.Config == nil && p.Sockets == 0 {
			p.Delete(s.tx)
			s.processors.drop(p.ID)
		}
	}
	s.sockets.keep()
	s.processors.keep()
	s.slots.keep()
	s.changed = true
}

// save ends the entry.
func (s *step) save() {
	if s.changed {
		s.closeRow()
		s.write()
	}
	s.sockets.rest()
	s.processors.rest()
	s.slots.rest()
	s.recent.things, s.recent.row = s.things, s.row.Row
}

// write writes what the entry's commands have changed in memory.
func (s *step) write() {
	s.sockets.write(func(k *socket.Socket) {
		k.Box.Flush(s.tx)
		k.Ended.Flush(s.tx)
		k.SaveState(s.tx)
	})
	s.processors.write(func(p *processor.Processor) { p.SaveState(s.tx) })
	s.slots.write(func(l *slot.Slot) { l.Save(s.tx) })
	s.partition.save(s.tx)
}

// socket gives a socket by its id.
func (s *step) socket(id string) (*socket.Socket, bool) {
	if k, ok := s.sockets.get(id); ok {
		return k, true
	}
	k, ok := socket.Load(s.tx, id, &s.recent.sockets)
	if ok {
		s.sockets.add(id, k)
	}
	return k, ok
}

// socketOf gives the socket of a call, which is kept for as long as the call.
func (s *step) socketOf(id string) *socket.Socket {
	k, ok := s.socket(id)
	if !ok {
		fail("socket %s is gone, and a call of it is there", id)
	}
	return k
}

// numbered gives a socket by its number.
func (s *step) numbered(number uint32) *socket.Socket {
	if k, ok := s.sockets.among(func(k *socket.Socket) bool { return k.Number == number }); ok {
		return k
	}
	return s.socketOf(socket.ID(s.tx, number))
}

// processor gives a processor; one that is not known yet is empty.
func (s *step) processor(id string) *processor.Processor {
	if p, ok := s.processors.get(id); ok {
		return p
	}
	p := processor.Load(s.tx, id, &s.recent.processors)
	s.processors.add(id, p)
	return p
}

// slot gives a slot by its name.
func (s *step) slot(n slot.Name) (*slot.Slot, bool) {
	if l, ok := s.slots.get(n); ok {
		return l, true
	}
	l, ok := slot.Load(s.tx, n)
	if ok {
		s.slots.add(n, l)
	}
	return l, ok
}

// forget takes a slot out of the state.
func (s *step) forget(l *slot.Slot) {
	l.Unbind(s.tx)
	l.Delete(s.tx)
	s.slots.drop(l.Name)
}

// credit tells a slot's processor how many calls it holds now, and whether it
// takes another.
func (s *step) credit(l *slot.Slot) {
	p := s.processor(l.Processor)
	open := (len(l.Leases) < int(l.Window) || len(l.Leases) == int(l.Window) && plant.On(plant.CreditTwice)) && p.Config != nil && l.Commit == p.Config.Commit
	p.Credits.Set(l.Index, len(l.Leases), open)
	if open {
		s.wants(p)
	}
}

// settle puts a socket into its processor's ring, or takes it out, as it has
// calls to lease or not. It follows every change of a socket.
func (s *step) settle(k *socket.Socket) {
	p := s.processor(k.Config.Processor)
	if k.Leasable() {
		p.Turns.Join(k.Number)
		s.wants(p)
	} else {
		p.Turns.Leave(k.Number)
	}
	s.press(k)
}

// wants notes that a processor may have a call and a credit for it.
func (s *step) wants(p *processor.Processor) {
	for _, r := range s.ready {
		if r == p {
			return
		}
	}
	s.ready = append(s.ready, p)
}

// at sets a timer.
func (s *step) at(t timer.Timer) {
	timer.Set(s.tx, t)
	s.partition.wake = min(s.partition.wake, t.At)
}
