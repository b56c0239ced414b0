package flow

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/queue"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/topic"
	"github.com/elasticcode/flow/plant"
)

const opPublish = "publish"

// publish sends arguments to all sockets of a queue that take its routing key,
// or to none. It is a call of the queue that has ended when it is answered; its
// result names the calls that came of it, of which it is parent and run.
func (s *step) publish(m *messages.Publish) (*messages.Reply, *messages.Error) {
	id, refusal := s.readID(m.Id, 1)
	if refusal != nil {
		return nil, refusal
	}
	if reply, refusal, known := s.sentBefore(id, m.Content); known {
		if place, ok := call.Find(s.tx, id); ok && refusal == nil {
			reply.GetEnqueued().Published = call.Result(s.tx, call.At(s.tx, place))
		}
		return reply, refusal
	}
	q, takers, refusal := s.takers(id, m)
	if refusal != nil {
		return nil, refusal
	}
	copies := make([]*messages.Copy, len(takers))
	for i, t := range plant.InMapOrder(plant.MapOrder, takers) {
		copies[i] = &messages.Copy{Id: messages.DeriveCallID(id.String(), t.Socket, 0, messages.GroupID(t.Partition)).Bytes(), Socket: t.Socket, Name: t.Name}
	}
	result := resultOf(copies)
	s.record(q, id, m, result)
	s.send(m, copies)
	reply := enqueued(id, messages.CallState_FINISHED, false)
	reply.GetEnqueued().Published = result
	return reply, nil
}

// takers gives a queue, and those of its sockets that get what is published; or
// says why none does.
func (s *step) takers(id messages.CallID, m *messages.Publish) (*socket.Socket, []*messages.Binding, *messages.Error) {
	config := queue.Load(s.tx, m.Queue)
	if config == nil {
		return nil, nil, messages.Errorf(messages.NotFound, opPublish, "queue "+m.Queue, "there is no such queue in partition %d", s.group)
	}
	subject := func() string { return "queue " + config.Name }
	refusal := s.fits(id, opPublish, subject, m.Arguments)
	if refusal == nil {
		refusal = s.absent(opPublish, subject, m.Arguments.References())
	}
	if refusal != nil {
		return nil, nil, refusal
	}
	takers, refusal := topic.Select(config, slices.DeleteFunc(queue.Bindings(s.tx, m.Queue), s.isLeaving), m.RoutingKey)
	if refusal != nil {
		return nil, nil, refusal
	}
	if total := m.Arguments.Inline() * len(takers); total > messages.MaxFanOut {
		return nil, nil, messages.Errorf(messages.Invalid, opPublish, "queue "+config.Name,
			"it goes to %d sockets, which makes %d bytes within their calls, and %d are the most", len(takers), total, messages.MaxFanOut).
			WithHint("send fewer arguments: one that is large goes by reference, many small ones do not")
	}
	q, size := s.socketOf(m.Queue), call.Size(m.Arguments)
	for _, t := range takers {
		if refusal := s.crowded(q, t, size); refusal != nil {
			return nil, nil, refusal
		}
	}
	return q, takers, nil
}

// isLeaving says that a socket of this partition takes no calls any more.
func (s *step) isLeaving(b *messages.Binding) bool {
	k, ok := s.socket(b.Socket)
	return messages.GroupID(b.Partition) == s.group && ok && k.Stage != socket.Open
}

// crowded refuses what one of the sockets has no room for. Of a socket in another
// partition only that is known which it has told.
func (s *step) crowded(q *socket.Socket, t *messages.Binding, size uint64) (refusal *messages.Error) {
	k, ok := s.socket(t.Socket)
	switch {
	case messages.GroupID(t.Partition) == s.group && ok:
		refusal = noRoom(k, 1, size)
	case slices.Contains(q.Blocked, t.Socket):
		refusal = messages.Errorf(messages.Exhausted, opPublish, "socket "+t.Name, "its mailbox is full").
			WithHint(untilRoom)
		refusal.RetryAfter = fullRetry
	}
	if refusal != nil {
		refusal.Op = opPublish
	}
	return refusal
}

// resultOf is the result of a publish: which socket got which call.
func resultOf(copies []*messages.Copy) []byte {
	type one struct {
		Socket string `json:"socket"`
		Call   string `json:"call"`
	}
	all := make([]one, len(copies))
	for i, c := range copies {
		all[i] = one{c.Name, messages.CallIDFrom(c.Id).String()}
	}
	text, err := json.Marshal(all)
	if err != nil {
		fail("encode what came of a publish: %v", err)
	}
	return text
}

// record keeps a publish as a call of its queue, which ends at once.
func (s *step) record(q *socket.Socket, id messages.CallID, m *messages.Publish, result []byte) {
	size := call.Size(m.Arguments)
	rec := s.accept(q, id, &messages.Enqueue{Arguments: m.Arguments, Content: m.Content, Owner: m.Owner, Priority: m.Priority}, size)
	rec.State, rec.RoutingKey = messages.CallState_QUEUED, m.RoutingKey
	s.enter(q, rec.State, size)
	s.terminate(q, rec, messages.CallState_FINISHED, ending{result: result})
}

// send hands the copies of a publish to their partitions: to this one at once, to
// the others through the outbox, each once.
func (s *step) send(m *messages.Publish, copies []*messages.Copy) {
	var far []*messages.FanOut
	if plant.On(plant.OneTaker) {
		copies = copies[:min(1, len(copies))]
	}
	for _, c := range copies {
		to := messages.CallIDFrom(c.Id).Partition()
		if to == s.group {
			s.receive(m, c)
			continue
		}
		at := slices.IndexFunc(far, func(f *messages.FanOut) bool { return messages.CallIDFrom(f.Copies[0].Id).Partition() == to })
		if at < 0 {
			at, far = len(far), append(far, &messages.FanOut{Publish: m})
		}
		far[at].Copies = append(far[at].Copies, c)
	}
	for _, f := range far {
		s.mail(messages.CallIDFrom(f.Copies[0].Id).Partition(), f)
	}
}

// fanOut takes what was published in another partition.
func (s *step) fanOut(f *messages.FanOut) (*messages.Reply, *messages.Error) {
	copies := func() string { return fmt.Sprintf("copies of publish %x", f.GetPublish().GetId()) }
	if refusal := s.absent("deliver", copies, referencesIn(f)); refusal != nil {
		return nil, refusal
	}
	for _, c := range f.Copies {
		if _, refusal := s.readID(c.Id, 1); refusal != nil {
			return nil, refusal
		}
		if refusal := badName(opPublish, "socket", c.Socket); refusal != nil {
			return nil, refusal
		}
	}
	for _, c := range f.Copies {
		s.receive(f.Publish, c)
	}
	return &messages.Reply{}, nil
}

// receive makes the call that one socket gets of a publish. It never refuses:
// what was published goes to all its sockets. It fills all arguments, so it
// passes by a gate.
func (s *step) receive(m *messages.Publish, c *messages.Copy) {
	id := messages.CallIDFrom(c.Id)
	if s.known(id) {
		return
	}
	k, ok := s.socket(c.Socket)
	if !ok {
		k = s.expect(c)
	}
	if k.Stage != socket.Open {
		s.deadOnArrival(&messages.Arrival{Id: c.Id, Socket: c.Socket, Name: c.Name, Arguments: m.GetArguments(), Owner: m.GetOwner(),
			Priority: m.GetPriority(), Tracking: m.GetId(), Parent: m.GetId()}, "its target, socket "+k.Config.Name+", is gone")
		return
	}
	rec := s.accept(k, id, &messages.Enqueue{Arguments: m.GetArguments(), Owner: m.GetOwner(), Priority: m.GetPriority(),
		Tracking: m.GetId(), Parent: m.GetId()}, call.Size(m.GetArguments()))
	rec.RoutingKey = m.GetRoutingKey()
	s.wait(k, rec)
}

// expect makes a socket that a queue's home partition has heard of before this
// one: its calls wait until the model has said what it is.
func (s *step) expect(c *messages.Copy) *socket.Socket {
	k := s.newSocket(c.Socket)
	k.Config = &messages.ConfigureSocket{Socket: c.Socket, Name: c.Name}
	s.processor("").Sockets++
	k.SaveConfig(s.tx)
	return k
}
