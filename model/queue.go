package model

import (
	"slices"
	"strings"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/topic"
)

// checkNewQueue refuses what cannot be a queue, and gives it a home: the
// partition with the fewest queues.
func (c *change) checkNewQueue(op string, o *messages.Object) *messages.Error {
	o.GetQueue().Partition = uint32(c.emptiest(o.Kind))
	o.GetQueue().UnusedSince = c.now
	return c.checkQueue(op, o)
}

// checkQueue refuses values that a queue cannot have.
func (c *change) checkQueue(op string, o *messages.Object) *messages.Error {
	q := o.GetQueue()
	if q.Qtype == "" {
		q.Qtype = topic.Direct
	}
	if !slices.Contains(topic.Types(), q.Qtype) {
		return messages.Errorf(messages.Invalid, op, o.Name, "%q is not a type of queue", q.Qtype).
			WithHint("types are %s", strings.Join(topic.Types(), ", "))
	}
	for _, socket := range referring(c, reference{o.Kind, o.Id}, messages.Kind_KIND_SOCKET) {
		if err := checkBinding(q.Qtype, socket.GetSocket().Binding); err != nil {
			return messages.Errorf(messages.Invalid, op, o.Name, "socket %s does not fit a %s queue: %v", socket.Name, q.Qtype, err).
				WithHint("change the socket's binding first")
		}
	}
	return within(op, o.Name, []amount{
		{"max_length", q.MaxLength, maxAmount}, {"max_length_bytes", q.MaxLengthBytes, maxAmount},
		{"message_ttl", q.MessageTtl, maxMillis}, {"expires", q.Expires, maxMillis},
	}, amountsKept(q)...)
}

// checkBinding says why a socket cannot be bound so to a queue of a type; nil:
// it can. No binding is the socket's name.
func checkBinding(qtype, binding string) error {
	switch {
	case binding == "":
		return nil
	case qtype == topic.Direct:
		return topic.CheckKey(binding)
	}
	return topic.CheckPattern(binding)
}

// configureQueue tells a queue's home which sockets it has. One that is being
// deleted takes nothing any more.
func (c *change) configureQueue(id string) {
	o := load(c, messages.Kind_KIND_QUEUE, id)
	if q := o.GetQueue(); counted(c, queueCount(id)) > 0 || refers(c, reference{o.Kind, id}, messages.Kind_KIND_PLUG) {
		q.UnusedSince = 0
	} else if q.UnusedSince == 0 {
		q.UnusedSince = c.now
	}
	c.save(o)
	c.tell(messages.GroupID(o.GetQueue().Partition), o, QueueConfiguration(c, o))
}

// QueueConfiguration is what its home partition needs of a queue.
func QueueConfiguration(view kv.View, o *messages.Object) *messages.ConfigureQueue {
	m := &messages.ConfigureQueue{Queue: o.Id, Name: o.Name, Qtype: o.GetQueue().Qtype, Retention: retention(view, nil, o.GetQueue())}
	for _, socket := range referring(view, reference{o.Kind, o.Id}, messages.Kind_KIND_SOCKET) {
		if socket.Status != Deleting {
			m.Bindings = append(m.Bindings, &messages.Binding{Socket: socket.Id, Name: socket.Name,
				Partition: socket.GetSocket().Partition, Pattern: socket.GetSocket().Binding})
		}
	}
	return m
}

// leaveQueue follows a socket that is not on a queue any more: the last one takes
// a queue along that is to go with it.
func (c *change) leaveQueue(id string) {
	c.configureQueue(id)
	o := load(c, messages.Kind_KIND_QUEUE, id)
	if o.GetQueue().AutoDelete && o.GetQueue().UnusedSince != 0 {
		o.Status = Deleting
	}
	c.dropQueue(o)
}
