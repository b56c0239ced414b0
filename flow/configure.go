package flow

import (
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/processor"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/messages"
)

func badName(op, what, id string) *messages.Error {
	if id == "" || len(id) > maxID {
		return messages.Errorf(messages.Invalid, op, what+" "+id, "an id has 1 to %d bytes", maxID)
	}
	return nil
}

// configureProcessor takes what the model says of a processor. Slots that run
// another commit than the processor's get no new calls.
func (s *step) configureProcessor(c *messages.ConfigureProcessor) (*messages.Reply, *messages.Error) {
	if refusal := badName("configure", "processor", c.Processor); refusal != nil {
		return nil, refusal
	}
	p := s.processor(c.Processor)
	limited := p.Config.GetRatelimit()
	p.Config, p.Leaving = c, false
	p.SaveConfig(s.tx)
	if c.Ratelimit != limited {
		s.limitProcessor(p, c.Ratelimit)
	}
	for _, l := range s.slotsOf(p) {
		s.credit(l)
	}
	s.wants(p)
	return &messages.Reply{}, nil
}

func (s *step) slotsOf(p *processor.Processor) (all []*slot.Slot) {
	for _, index := range p.Credits.Indexes() {
		name, _ := slot.Named(s.tx, p.ID, index)
		l, ok := s.slot(name)
		if !ok {
			fail("processor %s has a credit %d that no slot stands for", p.ID, index)
		}
		all = append(all, l)
	}
	return all
}

// configureSocket takes what the model says of a socket. A socket that is being
// deleted goes on being deleted.
func (s *step) configureSocket(c *messages.ConfigureSocket) (*messages.Reply, *messages.Error) {
	refusal := badName("configure", "socket", c.Socket)
	if refusal == nil {
		refusal = badName("configure", "processor", c.Processor)
	}
	if refusal != nil {
		return nil, refusal
	}
	k, ok := s.socket(c.Socket)
	if ok && k.Stage == socket.Queue {
		return nil, messages.Errorf(messages.Conflict, "configure", "socket "+c.Socket, "a queue has this id")
	}
	if !ok {
		k = s.newSocket(c.Socket)
	}
	fresh := !ok || k.Stage == socket.Removed
	if fresh {
		k.Stage = socket.Open
		s.processor(c.Processor).Sockets++
	} else if k.Config.Processor != c.Processor {
		s.processor(c.Processor).Sockets++
		old := s.processor(k.Config.Processor)
		old.Turns.Leave(k.Number)
		old.Sockets--
	}
	s.rewire(k, c)
	if c.Ratelimit != k.Config.Ratelimit {
		s.limitSocket(k, c.Ratelimit)
	}
	if k.Counts.Ended() > 0 && !proto.Equal(k.Config.GetRetention(), c.Retention) {
		s.sweepAt(k, s.now)
	}
	old := k.Config.Schedule
	if fresh {
		old = nil
	}
	unheard := !ok || k.Config.Processor == "" // it may have been expected already
	k.Config = c
	s.reschedule(k, old)
	if unheard {
		s.inherit(k)
	}
	if !c.Ordered {
		k.Holder = socket.Holder{}
	}
	k.SaveConfig(s.tx)
	s.tend(k, maxWork)
	s.settle(k)
	return &messages.Reply{}, nil
}

func (s *step) newSocket(id string) *socket.Socket {
	s.partition.sockets++
	k := &socket.Socket{ID: id, Number: s.partition.sockets, Config: new(messages.ConfigureSocket)}
	k.Box.Socket, k.Ended.Socket = k.Number, k.Number
	s.sockets.add(id, k)
	return k
}
