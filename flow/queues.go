package flow

import (
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/queue"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/messages"
)

// A queue stands among the sockets of its home partition: what is published to
// it is a call of it, so that it is found, listed and counted like one.

// configureQueue takes what the model says of a queue.
func (s *step) configureQueue(c *messages.ConfigureQueue) (*messages.Reply, *messages.Error) {
	if refusal := badName("configure", "queue", c.Queue); refusal != nil {
		return nil, refusal
	}
	k, ok := s.socket(c.Queue)
	if ok && (k.Stage < socket.Removed || k.Config.Processor != "") {
		return nil, messages.Errorf(messages.Conflict, "configure", "queue "+c.Queue, "a socket has this id")
	}
	if !ok {
		k = s.newSocket(c.Queue)
	}
	if k.Counts.Ended() > 0 && !proto.Equal(k.Config.GetRetention(), c.Retention) {
		s.sweepAt(k, s.now)
	}
	k.Stage, k.Config = socket.Queue, &messages.ConfigureSocket{Socket: c.Queue, Name: c.Name, Retention: c.Retention}
	k.SaveConfig(s.tx)
	queue.Save(s.tx, c)
	return &messages.Reply{}, nil
}

// bind takes what the model says of a socket of a queue.
func (s *step) bind(c *messages.Bind) (*messages.Reply, *messages.Error) {
	refusal := badName("bind", "queue", c.Queue)
	if refusal == nil {
		refusal = badName("bind", "socket", c.GetBinding().GetSocket())
	}
	if refusal == nil && queue.Load(s.tx, c.Queue) == nil {
		refusal = messages.Errorf(messages.NotFound, "bind", "queue "+c.Queue, "there is no such queue in partition %d", s.group)
	}
	switch {
	case refusal != nil:
		return nil, refusal
	case c.Gone:
		queue.Unbind(s.tx, c.Queue, c.Binding.Socket)
	default:
		queue.Bind(s.tx, c.Queue, c.Binding)
	}
	return &messages.Reply{}, nil
}

// removeQueue takes nothing that is published to a queue any more.
func (s *step) removeQueue(r *messages.RemoveQueue) *messages.Reply {
	k, ok := s.socket(r.Queue)
	if !ok || k.Stage != socket.Queue {
		return s.unchanged(&messages.Reply{})
	}
	k.Stage = socket.Removed
	k.SaveConfig(s.tx)
	queue.Delete(s.tx, r.Queue)
	return &messages.Reply{}
}
