package model

import (
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// checkNewSocket refuses what cannot be a socket, and puts ids in the place of
// names.
func (c *change) checkNewSocket(op string, o *messages.Object) *messages.Error {
	s := o.GetSocket()
	s.Deleting = false
	processor, refusal := c.living(op, o.Name, messages.Kind_KIND_PROCESSOR, s.Processor)
	if refusal != nil {
		return refusal
	}
	wanted := s.Function
	if wanted == "" {
		wanted = s.Task
	}
	task, refusal := c.taskOf(op, o.Name, processor, wanted)
	if refusal != nil {
		return refusal
	}
	s.Processor, s.Task, s.Function = processor.Id, task.Id, task.GetTask().Function
	s.Partition = processor.GetProcessor().Partition
	return c.checkSocket(op, o)
}

// checkSocket refuses values that a socket cannot have.
func (c *change) checkSocket(op string, o *messages.Object) *messages.Error {
	s := o.GetSocket()
	queue, refusal := c.living(op, o.Name, messages.Kind_KIND_QUEUE, s.Queue)
	if refusal != nil {
		return refusal
	}
	s.Queue = queue.Id
	invalid := func(format string, args ...any) *messages.Error {
		return messages.Errorf(messages.Invalid, op, o.Name, format, args...)
	}
	switch {
	case s.Correlate != "" && s.Correlate != "tracking":
		return invalid("it cannot correlate by %q", s.Correlate).WithHint("leave it empty, or say tracking")
	case s.Overflow != "" && s.Overflow != "block" && s.Overflow != "dead_letter":
		return invalid("%q is no way to overflow", s.Overflow).WithHint("say block or dead_letter")
	}
	if refusal := c.checkSocketQueue(op, o, queue); refusal != nil {
		return refusal
	}
	if refusal := checkSchedule(op, o); refusal != nil {
		return refusal
	}
	if refusal := checkRate(op, o.Name, s.Ratelimit); refusal != nil {
		return refusal
	}
	if refusal := c.checkSocketRetries(op, o); refusal != nil {
		return refusal
	}
	return within(op, o.Name, []amount{
		{"timelimit", s.GetTimelimit(), maxMillis}, {"gate_timeout", s.GateTimeout, maxMillis},
	}, amountsKept(s)...)
}

// checkSocketQueue refuses a binding that does not fit the queue, and a socket
// too many.
func (c *change) checkSocketQueue(op string, o, queue *messages.Object) *messages.Error {
	if err := checkBinding(queue.GetQueue().Qtype, o.GetSocket().Binding); err != nil {
		return messages.Errorf(messages.Invalid, op, o.Name, "binding to %s queue %s: %v", queue.GetQueue().Qtype, queue.Name, err)
	}
	if _, there := c.Get(referrerKey(reference{queue.Kind, queue.Id}, o)); !there && counted(c, queueCount(queue.Id)) >= messages.MaxBindings {
		return messages.Errorf(messages.Exhausted, op, o.Name, "queue %s has %d sockets, and that is the most", queue.Name, messages.MaxBindings).
			WithHint("add another queue")
	}
	return nil
}

// checkSocketRetries looks at what a socket says of retries together with what
// it leaves to its processor.
func (c *change) checkSocketRetries(op string, o *messages.Object) *messages.Error {
	s := o.GetSocket()
	retries := int64(load(c, messages.Kind_KIND_PROCESSOR, s.Processor).GetProcessor().GetRetries())
	if s.Retries != nil {
		retries = int64(*s.Retries)
	}
	return checkRetries(op, o.Name, retries, s.GetRetrydelay(), s.NoRetry)
}

// living finds an object that another one is about to refer to: it must not be
// on its way out.
func (c *change) living(op, subject string, kind messages.Kind, name string) (*messages.Object, *messages.Error) {
	if name == "" {
		return nil, messages.Errorf(messages.Invalid, op, subject, "it names no %s", noun(kind)).
			WithHint("there are: %s", listed(candidates(c, kind, "")))
	}
	o := find(c, kind, name)
	if o == nil {
		return nil, missing(c, op, subject, kind, name)
	}
	if o.Status == Deleting {
		return nil, messages.Errorf(messages.Conflict, op, subject, "%s %s is being deleted", noun(kind), o.Name)
	}
	return o, nil
}

// configureSocket tells its partition what has changed of a socket.
func (c *change) configureSocket(o *messages.Object) {
	if o.Status != Deleting {
		queue := load(c, messages.Kind_KIND_QUEUE, o.GetSocket().Queue)
		c.tell(messages.GroupID(o.GetSocket().Partition), o, socketConfiguration(c, c.wires, o, queue.GetQueue()))
	}
}

// socketConfiguration is what a partition needs of a socket and its queue. The
// plugs of the network are asked for only if it has any.
func socketConfiguration(view kv.View, w func() *wires, o *messages.Object, q *messages.Queue) *messages.ConfigureSocket {
	s := o.GetSocket()
	m := &messages.ConfigureSocket{
		Socket: o.Id, Name: o.Name, Processor: s.Processor, Function: s.Function, Ordered: s.Ordered,
		Retries: s.Retries, Retrydelay: s.Retrydelay, Timelimit: s.Timelimit,
		MaxLength: q.MaxLength, MaxLengthBytes: q.MaxLengthBytes, MessageTtl: q.MessageTtl,
		Wait: s.Wait, Correlate: s.Correlate, GateTimeout: s.GateTimeout, Overflow: s.Overflow,
		Ratelimit: s.Ratelimit, NoRetry: s.NoRetry, Retention: retention(view, s, q),
	}
	if bounded := q.MaxLength > 0 || q.MaxLengthBytes > 0; bounded && q.Partition != s.Partition {
		m.Queue, m.QueuePartition = s.Queue, q.Partition
	}
	m.Schedule = scheduleOf(view, o)
	if refers(view, reference{o.Kind, o.Id}, messages.Kind_KIND_PLUG) {
		w().wire(view, o, m)
	}
	return m
}
