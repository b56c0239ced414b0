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
	case !validRate(s.Ratelimit):
		return invalid("rate limit %q is not understood", s.Ratelimit).WithHint("write N/s, N/m or N/h, like 100/s")
	}
	if refusal := checkSchedule(op, o); refusal != nil {
		return refusal
	}
	return notNegative(op, o.Name, []amount{
		{"retries", int64(s.GetRetries())},
		{"retrydelay", s.GetRetrydelay()}, {"timelimit", s.GetTimelimit()}, {"gate_timeout", s.GateTimeout},
	}, amountsKept(s)...)
}

// living finds an object that another one is about to refer to: it must not be
// on its way out.
func (c *change) living(op, subject string, kind messages.Kind, name string) (*messages.Object, *messages.Error) {
	if name == "" {
		return nil, messages.Errorf(messages.Invalid, op, subject, "it names no %s", noun(kind)).
			WithHint("there are: %s", listed(namesOf(all(c, kind))))
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
		c.tell(messages.GroupID(o.GetSocket().Partition), o, socketConfiguration(c, c.wires(), o, queue.GetQueue()))
	}
}

// socketConfiguration is what a partition needs of a socket and its queue.
func socketConfiguration(view kv.View, w *wires, o *messages.Object, q *messages.Queue) *messages.ConfigureSocket {
	s := o.GetSocket()
	m := &messages.ConfigureSocket{
		Socket: o.Id, Name: o.Name, Processor: s.Processor, Function: s.Function, Ordered: s.Ordered,
		Retries: s.Retries, Retrydelay: s.Retrydelay, Timelimit: s.Timelimit,
		MaxLength: q.MaxLength, MaxLengthBytes: q.MaxLengthBytes, MessageTtl: q.MessageTtl,
		Wait: s.Wait, Correlate: s.Correlate, GateTimeout: s.GateTimeout, Overflow: s.Overflow,
		Retention: retention(view, s, q),
	}
	m.Schedule = scheduleOf(view, o)
	w.wire(view, o, m)
	return m
}
