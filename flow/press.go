package flow

import (
	"slices"

	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// press tells the sockets whose plugs lead to a socket when it has become full,
// and when it has room again. It follows every change of a socket.
func (s *step) press(k *socket.Socket) {
	if full := k.Crowded(); full != k.Full {
		k.Full = full
		s.tellSources(k, sourcesOf(k.Config), full)
	}
}

// source is a socket whose plug leads to another one.
type source struct {
	socket    string
	partition messages.GroupID
}

// sourcesOf gives the sockets that are held back when a socket is full, and its
// queue: not those in a cycle with it, which could wait for each other without
// end.
func sourcesOf(c *messages.ConfigureSocket) (all []source) {
	for _, p := range c.GetIncoming() {
		from := source{p.Source, messages.GroupID(p.Partition)}
		if !p.Cyclic && !slices.Contains(all, from) {
			all = append(all, from)
		}
	}
	if c.GetQueue() != "" { // what is published is refused while one of its sockets is full
		all = append(all, source{c.Queue, messages.GroupID(c.QueuePartition)})
	}
	return all
}

func (s *step) tellSources(k *socket.Socket, sources []source, full bool) {
	var far []messages.GroupID
	for _, from := range sources {
		if from.partition == s.group {
			s.throttle(from.socket, k.ID, full)
		} else if !slices.Contains(far, from.partition) {
			far = append(far, from.partition)
		}
	}
	for _, partition := range far {
		m := &messages.Throttle{Target: k.ID, Full: full}
		for _, from := range sources {
			if from.partition == partition {
				m.Sources = append(m.Sources, from.socket)
			}
		}
		command, err := messages.NewCommand(m)
		if err != nil {
			fail("encode that socket %s is full: %v", k.ID, err)
		}
		outbox.Put(s.tx, partition, command)
	}
}

// throttled takes what another partition says of a target.
func (s *step) throttled(m *messages.Throttle) *messages.Reply {
	for _, id := range m.Sources {
		s.throttle(id, m.Target, m.Full)
	}
	return &messages.Reply{}
}

// throttle notes that a target of a socket is full, or is not any more.
func (s *step) throttle(id, target string, full bool) {
	k, ok := s.socket(id)
	if !ok {
		return
	}
	at := slices.Index(k.Blocked, target)
	switch {
	case full && at < 0:
		k.Blocked = append(k.Blocked, target)
	case !full && at >= 0:
		k.Blocked = slices.Delete(k.Blocked, at, at+1)
	default:
		return
	}
	s.settle(k)
}

// rewire tells sockets whose plugs do not lead to a full socket any more, and
// those whose plugs do from now on.
func (s *step) rewire(k *socket.Socket, c *messages.ConfigureSocket) {
	if !k.Full {
		return
	}
	before, after := sourcesOf(k.Config), sourcesOf(c)
	in := func(all []source) func(source) bool {
		return func(from source) bool { return slices.Contains(all, from) }
	}
	s.tellSources(k, slices.DeleteFunc(slices.Clone(before), in(after)), false)
	s.tellSources(k, slices.DeleteFunc(slices.Clone(after), in(before)), true)
}

// inherit tells a socket that is new here which of its targets are full.
func (s *step) inherit(k *socket.Socket) {
	for _, p := range k.Config.Plugs {
		target, ok := s.socket(p.Target)
		if ok && target.Full && slices.Contains(sourcesOf(target.Config), source{k.ID, s.group}) && !slices.Contains(k.Blocked, p.Target) {
			k.Blocked = append(k.Blocked, p.Target)
		}
	}
}
