package model

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

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

// configureQueue tells a queue's home what has changed of it, and notes since when
// nothing uses it.
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
	return &messages.ConfigureQueue{Queue: o.Id, Name: o.Name, Qtype: o.GetQueue().Qtype, Retention: retention(view, nil, o.GetQueue())}
}

// bind tells the home of a socket's queue what the socket takes of what is
// published there, if that differs from what it was told last.
func (c *change) bind(socket *messages.Object) {
	queue := socket.GetSocket().Queue
	m := &messages.Bind{Queue: queue, Binding: bindingOf(socket)}
	key, value := boundKey(queue, socket.Id), encode(m.Binding)
	if told, ok := c.Get(key); ok && bytes.Equal(told, value) {
		return
	}
	c.Set(key, value)
	c.send(c.home(queue), m)
}

func bindingOf(socket *messages.Object) *messages.Binding {
	return &messages.Binding{Socket: socket.Id, Name: socket.Name, Partition: socket.GetSocket().Partition, Pattern: socket.GetSocket().Binding}
}

// Bindings gives what the sockets of a queue take of what is published to it, by
// their names.
func Bindings(view kv.View, queue *messages.Object) (found []*messages.Binding) {
	first := boundKey(queue.Id, "")
	for k, value := range view.Scan(first, kv.PrefixEnd(first)) {
		b := new(messages.Binding)
		if err := proto.Unmarshal(value, b); err != nil {
			panic(fmt.Sprintf("model: the binding at %q is malformed: %v", k, err))
		}
		found = append(found, b)
	}
	slices.SortFunc(found, func(a, b *messages.Binding) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// unbind tells the home of a queue that a socket takes nothing of it any more.
func (c *change) unbind(queue, socket string) {
	key := boundKey(queue, socket)
	if _, told := c.Get(key); told {
		c.Delete(key)
		c.send(c.home(queue), &messages.Bind{Queue: queue, Binding: &messages.Binding{Socket: socket}, Gone: true})
	}
}

// home is the partition of a queue.
func (c *change) home(queue string) messages.GroupID {
	return messages.GroupID(load(c, messages.Kind_KIND_QUEUE, queue).GetQueue().Partition)
}

// bindings: the homes of queues were told what the sockets on them take, and of no
// others.
func (k checker) bindings() error {
	expected := 0
	for _, o := range all(k.view, messages.Kind_KIND_SOCKET) {
		if o.Status == Deleting {
			continue
		}
		expected++
		if told, _ := k.view.Get(boundKey(o.GetSocket().Queue, o.Id)); !bytes.Equal(told, encode(bindingOf(o))) {
			return fmt.Errorf("the home of socket %s's queue was told something else than what it takes", o.Name)
		}
	}
	if told := len(keysBelow(k.view, []byte(boundTo))); told != expected {
		return fmt.Errorf("homes of queues were told of %d sockets, and there are %d", told, expected)
	}
	return nil
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
