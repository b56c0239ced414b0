package model

import (
	"strings"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// delete removes an object, or has it removed once its partition knows.
func (c *change) delete(m *messages.Delete) *messages.Error {
	op := "delete " + noun(m.Kind)
	if m.Kind == messages.Kind_KIND_NODE {
		return c.nodeRemove(op, m.Name)
	}
	o := find(c, m.Kind, m.Name)
	if o == nil {
		return missing(c, op, m.Name, m.Kind, m.Name)
	}
	switch m.Kind {
	case messages.Kind_KIND_PLUG:
		c.deletePlugs([]*messages.Object{o})
	case messages.Kind_KIND_SOCKET:
		if refusal := c.checkUnplugged(op, o, m.Force); refusal != nil {
			return refusal
		}
		c.deleteSocket(o, m.Force)
	case messages.Kind_KIND_QUEUE, messages.Kind_KIND_PROCESSOR:
		sockets := referring(c, reference{o.Kind, o.Id}, messages.Kind_KIND_SOCKET)
		if len(sockets) > 0 && !m.Force {
			return messages.Errorf(messages.Conflict, op, o.Name, "sockets need it: %s", listed(namesOf(sockets))).
				WithHint("delete them first, or use --force to delete them with it")
		}
		if refusal := c.checkUnplugged(op, o, m.Force); refusal != nil {
			return refusal
		}
		c.deletePlugs(c.plugsOf(o))
		for _, socket := range sockets {
			c.deleteSocket(socket, true)
		}
		if m.Kind == messages.Kind_KIND_PROCESSOR {
			c.deleteProcessor(o)
		} else {
			c.deleteQueue(o.Id)
		}
	default:
		return messages.Errorf(messages.Invalid, op, o.Name, "a %s is not deleted by itself", noun(o.Kind)).WithHint("%s", whyNotAdded(o.Kind))
	}
	c.reply.Object = o
	return nil
}

// checkUnplugged refuses to delete what plugs need, unless by force.
func (c *change) checkUnplugged(op string, o *messages.Object, force bool) *messages.Error {
	if plugs := c.plugsOf(o); len(plugs) > 0 && !force {
		return messages.Errorf(messages.Conflict, op, o.Name, "plugs need it: %s", listed(namesOf(plugs))).
			WithHint("delete them first, or use --force to delete them with it")
	}
	return nil
}

// deleteSocket has a socket's partition remove it. With force the calls it
// holds are cancelled there; a second delete can so hasten a first one.
func (c *change) deleteSocket(o *messages.Object, force bool) {
	if o.Status == Deleting && !force {
		return
	}
	c.deletePlugs(c.plugsOf(o))
	o.Status, o.GetSocket().Deleting = Deleting, true
	c.save(o)
	c.unbind(o.GetSocket().Queue, o.Id)
	c.disappear(o, messages.GroupID(o.GetSocket().Partition), &messages.RemoveSocket{Socket: o.Id, Force: force})
}

// deleteProcessor takes a processor's slots and has its partition forget it.
// The message follows those that removed its sockets.
func (c *change) deleteProcessor(o *messages.Object) {
	if o.Status == Deleting {
		return
	}
	o.Status, o.RequestedStatus, o.Message = Deleting, Stopped, ""
	o.GetProcessor().Shortfall, o.GetProcessor().Serving = 0, nil
	c.Delete(stagedKey(o.Id))
	c.save(o)
	c.disappear(o, messages.GroupID(o.GetProcessor().Partition), &messages.RemoveProcessor{Processor: o.Id})
	c.place()
}

// deleteQueue removes a queue, now or with the last of its sockets.
func (c *change) deleteQueue(id string) {
	o := load(c, messages.Kind_KIND_QUEUE, id)
	if o == nil {
		return // it went with the last of its plugs
	}
	o.Status = Deleting
	c.save(o)
	c.dropQueue(o)
}

func (c *change) dropQueue(o *messages.Object) {
	if o.Status == Deleting && counted(c, queueCount(o.Id)) == 0 {
		c.send(messages.GroupID(o.GetQueue().Partition), &messages.RemoveQueue{Queue: o.Id})
		c.remove(o)
	}
}

// acknowledged drops what a group has applied from the outbox, and lets go of
// the objects that waited for it.
func (c *change) acknowledged(m *messages.Delivered) {
	to := messages.GroupID(m.To)
	before := outbox.AcknowledgedTo(c, to)
	outbox.Drop(c, to, m.Seq)
	var keys [][]byte
	var gone []string
	end := disappearingKey(to, m.Seq+1)
	if m.Seq+1 == 0 {
		end = kv.PrefixEnd(disappearingKey(to, 0)[:len(disappearing)+4])
	}
	for k, v := range c.Scan(disappearingKey(to, before+1), end) {
		keys, gone = append(keys, append([]byte(nil), k...)), append(gone, string(v))
	}
	for i, key := range keys {
		c.Delete(key)
		kind, id, _ := strings.Cut(gone[i], pathSeparator)
		if o := load(c, kindOf(kind), id); o != nil && o.Status == Deleting {
			c.vanish(o)
		}
	}
}

// vanish removes an object that its partition no longer knows.
func (c *change) vanish(o *messages.Object) {
	self := reference{o.Kind, o.Id}
	if o.Kind == messages.Kind_KIND_PROCESSOR {
		for _, task := range referring(c, self, messages.Kind_KIND_TASK) {
			c.removeTask(task)
		}
		c.removeReferring(self, messages.Kind_KIND_WORKER)
	}
	c.remove(o)
	if processor := load(c, messages.Kind_KIND_PROCESSOR, o.GetSocket().GetProcessor()); processor.GetProcessor().GetServing() != nil {
		c.settle(processor) // new code may have waited for this socket to go
	}
	if queue := o.GetSocket().GetQueue(); queue != "" {
		c.leaveQueue(queue)
	}
}
