package flow

import (
	"bytes"
	"fmt"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/dead"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
)

// arrive takes what a plug sent from another partition. One that is known
// changes nothing.
func (s *step) arrive(m *messages.Arrive) (*messages.Reply, *messages.Error) {
	id, refusal := s.readID(m.Id, 1)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := s.absent("deliver", id.String, referencesIn(m)); refusal != nil {
		return nil, refusal
	}
	s.take(m)
	return &messages.Reply{}, nil
}

// take makes a call of a plug's message, lets it wait at a gate, or makes it a
// dead letter. It never refuses: the message has left its source for good.
func (s *step) take(m *messages.Arrive) {
	id := messages.CallIDFrom(m.Id)
	if s.known(id) {
		return
	}
	a := &messages.Arrival{
		Id: m.Id, Socket: m.Socket, Name: m.Name, Argument: m.Argument, Value: m.Value, Plug: m.Plug, PlugName: m.PlugName,
		Owner: m.Owner, Priority: m.Priority, Tracking: m.Tracking, Parent: m.Parent,
		Taskparent: m.Taskparent, Flowparent: m.Flowparent, Hops: m.Hops,
	}
	k, ok := s.socket(m.Socket)
	switch {
	case !ok || k.Stage == socket.Removed:
		s.deadOnArrival(a, "its target, socket "+m.Name+", is gone")
		return
	case k.Stage != socket.Open:
		s.deadOnArrival(a, "its target, socket "+k.Config.Name+", is being deleted")
		return
	case m.Hops > messages.MaxHops:
		s.deadOnArrival(a, fmt.Sprintf("its run has gone through %d plugs, which is the most: it seems to go round without end", messages.MaxHops))
		return
	}
	a.Name = k.Config.Name
	inputs := gate.Inputs(k.Config)
	if len(inputs) == 0 {
		s.callOf(k, a)
		return
	}
	in, ok := inputFor(k, inputs, m.Plug, m.Argument)
	if !ok {
		s.deadOnArrival(a, "the gate of socket "+a.Name+" does not wait for what plug "+m.PlugName+" delivers")
		return
	}
	s.atGate(k, in, a)
}

// inputFor is what a message fills of a gate: a plug's, or what a client once sent
// there and sends again.
func inputFor(k *socket.Socket, inputs []gate.Input, plug, argument string) (gate.Input, bool) {
	if plug == "" {
		return gate.ForName(inputs, argument)
	}
	return gate.ForPlug(k.Config, inputs, plug, argument)
}

// callOf makes a call of one message.
func (s *step) callOf(k *socket.Socket, a *messages.Arrival) {
	args := gate.Single(a.Argument, a.Value)
	size := call.Size(args)
	rec := s.accept(k, messages.CallIDFrom(a.Id), sent(a, a.Id, args), size)
	rec.Hops, rec.Plug = a.Hops, a.PlugName
	s.wait(k, rec)
}

// sent is a call as if it had been sent, of the run and the parent of an arrival.
func sent(a *messages.Arrival, id []byte, args *messages.Arguments) *messages.Enqueue {
	return &messages.Enqueue{Id: id, Socket: a.Socket, Arguments: args, Owner: a.Owner, Priority: a.Priority,
		Tracking: a.Tracking, Parent: a.Parent, Taskparent: a.Taskparent, Flowparent: a.Flowparent}
}

// atGate lets an arrival wait for the others, and forms a call if it was the
// last that was missing.
func (s *step) atGate(k *socket.Socket, in gate.Input, a *messages.Arrival) {
	a.Input = in.Key
	if held := k.Gate.Of(in.Key); held >= gate.Limit(k.Config) && gate.DeadLetters(k.Config) {
		s.deadOnArrival(a, fmt.Sprintf("the gate of socket %s is full: %d wait for %s, and that is the most", a.Name, held, in.Shown()))
		return
	}
	s.place(a)
	if k.Config.GateTimeout > 0 {
		a.Expires = s.now + micros(k.Config.GateTimeout)
		s.at(leaveTimer(a))
	}
	k.Gate.Put(s.tx, k.Number, a)
	gate.Save(s.tx, a)
	s.join(k, messages.CallIDFrom(a.Tracking))
	s.settle(k)
}

// place gives an arrival its place, and remembers its id.
func (s *step) place(a *messages.Arrival) {
	s.number(messages.CallIDFrom(a.Id), &s.partition.arrivals, 1)
	a.Seq, a.Received = s.partition.arrivals, s.now
	gate.Remember(s.tx, a)
	s.name(gate.References(a))
}

func (s *step) deadOnArrival(a *messages.Arrival, reason string) {
	s.place(a)
	s.bury(a, reason)
}

// bury makes an arrival, which waits at no gate, a dead letter.
func (s *step) bury(a *messages.Arrival, reason string) {
	a.State, a.Ended, a.Reason, a.Expires = messages.ArrivalState_ARRIVAL_DEAD, s.now, reason, 0
	gate.Save(s.tx, a)
	dead.Put(s.tx, dead.Letter{At: s.now, Kind: dead.Arrival, Seq: a.Seq})
	s.ended(a)
}

func leaveTimer(a *messages.Arrival) timer.Timer {
	return timer.Timer{At: a.Expires, Kind: timer.Leave, Target: timer.Seq(a.Seq)}
}

// arrival finds an arrival by its id.
func (s *step) arrival(id messages.CallID) (*messages.Arrival, bool) {
	if s.partition.arrivals == 0 {
		return nil, false // most partitions have no gates, and each call asks
	}
	return gate.Find(s.tx, id)
}

// enqueueToGate lets an argument that a client sent wait at the socket's gate.
func (s *step) enqueueToGate(k *socket.Socket, id messages.CallID, e *messages.Enqueue) (*messages.Reply, *messages.Error) {
	subject := "socket " + k.Config.Name
	inputs := gate.Inputs(k.Config)
	if len(inputs) == 0 {
		return nil, messages.Errorf(messages.Invalid, opRun, subject, "it has no gate: no plugs lead to its arguments").
			WithHint("send all arguments with --data")
	}
	if len(e.Arguments.GetNamed()) != 1 || len(e.Arguments.GetPositional()) != 0 {
		return nil, messages.Errorf(messages.Invalid, opRun, subject, "a gate takes one named argument at a time")
	}
	named := e.Arguments.Named[0]
	in, ok := gate.ForName(inputs, named.Name)
	if !ok {
		return nil, messages.Errorf(messages.Invalid, opRun, subject, "its gate does not wait for %s", named.Name).
			WithHint("it waits for: %s", gate.Shown(inputs))
	}
	if refusal := stuffed(opRun, k, in); refusal != nil {
		return nil, refusal
	}
	a := &messages.Arrival{Id: id.Bytes(), Socket: k.ID, Name: k.Config.Name, Argument: named.Name, Value: named.Value,
		Owner: e.Owner, Priority: e.Priority, Tracking: e.Tracking, Parent: e.Parent,
		Taskparent: e.Taskparent, Flowparent: e.Flowparent, Content: e.Content}
	if messages.CallIDFrom(a.Tracking).IsZero() {
		a.Tracking = id.Bytes()
	}
	s.atGate(k, in, a)
	return enqueued(id, s.stateOf(a), false), nil
}

// stuffed says why an input of a gate takes nothing more.
func stuffed(op string, k *socket.Socket, in gate.Input) *messages.Error {
	held := k.Gate.Of(in.Key)
	if held < gate.Limit(k.Config) {
		return nil
	}
	refusal := messages.Errorf(messages.Exhausted, op, "socket "+k.Config.Name, "its gate is full: %d wait for %s, and that is the most", held, in.Shown())
	refusal.RetryAfter = fullRetry
	return refusal.WithHint("send what is missing there first")
}

// arrivedBefore answers a key that belongs to an arrival.
func (s *step) arrivedBefore(a *messages.Arrival, content []byte) (*messages.Reply, *messages.Error) {
	id := messages.CallIDFrom(a.Id)
	if !bytes.Equal(a.Content, content) {
		return nil, otherContent(id)
	}
	return s.unchanged(enqueued(id, s.stateOf(a), true)), nil
}

// stateOf is the state of an arrival as if it were a call.
func (s *step) stateOf(a *messages.Arrival) messages.CallState {
	return callOfArrival(s.tx, gate.Get(s.tx, a.Seq)).State
}

// cancelArrival takes an arrival away from its gate. What has become part of a
// call is not undone: the answer says how that call stands.
func (s *step) cancelArrival(a *messages.Arrival, reason string) *messages.Reply {
	if a.State != messages.ArrivalState_ARRIVAL_WAITING {
		return s.unchanged(callReply(callOfArrival(s.tx, a)))
	}
	k := s.socketOf(a.Socket)
	s.withdrawArrival(k, a)
	a.State, a.Ended, a.Reason, a.Expires = messages.ArrivalState_ARRIVAL_CANCELLED, s.now, call.Said(reason), 0
	gate.Save(s.tx, a)
	s.ended(a)
	s.settle(k)
	return callReply(endedArrival(a))
}

// withdrawArrival takes a waiting arrival away from its gate.
func (s *step) withdrawArrival(k *socket.Socket, a *messages.Arrival) {
	k.Gate.Take(s.tx, k.Number, a)
	if a.Expires != 0 {
		timer.Drop(s.tx, leaveTimer(a))
	}
}
