package model

import (
	"github.com/elasticcode/flow/messages"
)

// create adds an object. The same object again, with its id, is no error: it
// is a proposal that was sent twice.
func (c *change) create(m *messages.Create) *messages.Error {
	o := m.GetObject()
	if o == nil {
		return messages.Errorf(messages.Invalid, "add object", "", "there is no object in the command")
	}
	op := "add " + noun(o.Kind)
	check, refusal := c.checker(op, o)
	if refusal != nil {
		return refusal
	}
	if refusal := checkName(op, o.Name); refusal != nil {
		return refusal
	}
	if !isID(o.Id) {
		return messages.Errorf(messages.Invalid, op, o.Name, "%q cannot be its id", o.Id).WithHint("ids are UUIDs")
	}
	if known := load(c, o.Kind, o.Id); known != nil {
		if known.Name != o.Name {
			return messages.Errorf(messages.Conflict, op, o.Name, "its id %s belongs to %s", o.Id, known.Name)
		}
		c.reply.Object = known
		return nil
	}
	if refusal := checkFree(c, op, o); refusal != nil {
		return refusal
	}
	fresh := &messages.Object{Id: o.Id, Name: o.Name, Kind: o.Kind, Owner: o.Owner, Spec: clone(o).Spec,
		Status: Ready, RequestedStatus: Ready, Enabled: true}
	if o.Kind == messages.Kind_KIND_PROCESSOR {
		fresh.RequestedStatus = o.RequestedStatus
	}
	if refusal := check(fresh); refusal != nil {
		return refusal
	}
	if fresh.Kind == messages.Kind_KIND_PROCESSOR {
		return c.createProcessor(op, fresh, m.Functions)
	}
	c.save(fresh)
	c.configure(fresh)
	c.reply.Object = fresh
	return nil
}

// checker gives what validates and completes an object that people may add.
func (c *change) checker(op string, o *messages.Object) (check func(o *messages.Object) *messages.Error, refusal *messages.Error) {
	fits := false
	switch o.Kind {
	case messages.Kind_KIND_QUEUE:
		fits = o.GetQueue() != nil
		check = func(o *messages.Object) *messages.Error { return c.checkNewQueue(op, o) }
	case messages.Kind_KIND_PROCESSOR:
		fits = o.GetProcessor() != nil
		check = func(o *messages.Object) *messages.Error { return c.checkNewProcessor(op, o) }
	case messages.Kind_KIND_SOCKET:
		fits = o.GetSocket() != nil
		check = func(o *messages.Object) *messages.Error { return c.checkNewSocket(op, o) }
	case messages.Kind_KIND_PLUG:
		fits = o.GetPlug() != nil
		check = func(o *messages.Object) *messages.Error {
			o.GetPlug().Added = c.index
			return c.checkPlug(op, o)
		}
	default:
		return nil, messages.Errorf(messages.Invalid, op, o.Name, "%s", whyNotAdded(o.Kind))
	}
	if !fits {
		return nil, messages.Errorf(messages.Invalid, op, o.Name, "it says that it is a %s, but holds none", noun(o.Kind))
	}
	return check, nil
}

// whyNotAdded says where the objects of a kind come from that people do not
// add themselves.
func whyNotAdded(kind messages.Kind) string {
	switch kind {
	case messages.Kind_KIND_NODE, messages.Kind_KIND_AGENT:
		return "a node adds itself and its agent when it is started on a machine with --join"
	case messages.Kind_KIND_TASK, messages.Kind_KIND_ARGUMENT:
		return "tasks and their arguments are read from the code of a processor; add a processor"
	case messages.Kind_KIND_WORKER, messages.Kind_KIND_DEPLOYMENT:
		return "deployments and workers follow from a processor's concurrency; add a processor, or update its concurrency"
	case messages.Kind_KIND_NETWORK, messages.Kind_KIND_SCHEDULER:
		return "a network and its scheduler are made when its first node is started"
	}
	return "this version of the model has no command for it"
}

// configure tells the partition of a socket, or the partitions of a queue's or of
// all sockets, what has changed.
func (c *change) configure(o *messages.Object) {
	switch o.Kind {
	case messages.Kind_KIND_SOCKET:
		c.configureSocket(o)
		c.bind(o)
		c.configureQueue(o.GetSocket().Queue)
	case messages.Kind_KIND_PLUG:
		c.rewired()
		c.configureQueue(o.GetPlug().Queue)
	case messages.Kind_KIND_QUEUE:
		for _, socket := range referring(c, reference{o.Kind, o.Id}, messages.Kind_KIND_SOCKET) {
			c.configureSocket(socket)
		}
		c.configureQueue(o.Id)
	case messages.Kind_KIND_NETWORK:
		for _, socket := range all(c, messages.Kind_KIND_SOCKET) {
			c.configureSocket(socket)
		}
		for _, queue := range all(c, messages.Kind_KIND_QUEUE) {
			c.configureQueue(queue.Id)
		}
	}
}
