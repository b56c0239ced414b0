package flow

import (
	"slices"

	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// press tells the sockets whose plugs lead to a socket when it has become full,
// and when it has room again. It follows every change of a socket.
func (s *step) press(k *socket.Socket) {
	full, stuffed := k.Crowded()
	if full == k.Full && slices.Equal(stuffed, k.Stuffed) {
		return
	}
	before := heldBy(k, k.Config)
	k.Full, k.Stuffed = full, stuffed
	s.tellChange(k, before, heldBy(k, k.Config))
}

// source is a socket whose plug leads to another one.
type source struct {
	socket    string
	partition messages.GroupID
}

// heldBy gives the sockets that are held back by a socket as it is, were this its
// configuration, and its queue when what is published cannot be taken. Not those
// in a cycle with it, which could wait for each other without end; nor those that
// feed an input of its gate which is not full: what it lacks comes from them.
func heldBy(k *socket.Socket, c *messages.ConfigureSocket) (all []source) {
	for _, p := range c.GetIncoming() {
		from := source{p.Source, messages.GroupID(p.Partition)}
		if !p.Cyclic && !slices.Contains(all, from) && (k.Full || len(k.Stuffed) > 0 && feedsOnly(c, from, k.Stuffed)) {
			all = append(all, from)
		}
	}
	if c.GetQueue() != "" && k.Full {
		all = append(all, source{c.Queue, messages.GroupID(c.QueuePartition)})
	}
	return all
}

// feedsOnly says whether a source feeds some of the inputs of a gate, and no other
// one.
func feedsOnly(c *messages.ConfigureSocket, from source, stuffed []string) (feeds bool) {
	inputs := gate.Inputs(c)
	for _, p := range c.Incoming {
		if p.Source != from.socket {
			continue
		}
		in, ok := gate.ForPlug(c, inputs, p.Plug, p.Argument)
		if ok && !slices.Contains(stuffed, in.Key) {
			return false
		}
		feeds = feeds || ok
	}
	return feeds
}

// tellChange tells those who are not held back any more, and those who are from
// now on.
func (s *step) tellChange(k *socket.Socket, before, after []source) {
	in := func(all []source) func(source) bool {
		return func(from source) bool { return slices.Contains(all, from) }
	}
	s.tellSources(k, slices.DeleteFunc(slices.Clone(before), in(after)), false)
	s.tellSources(k, slices.DeleteFunc(slices.Clone(after), in(before)), true)
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
	s.tellChange(k, heldBy(k, k.Config), heldBy(k, c))
}

// inherit tells a socket that is new here which of its targets are full.
func (s *step) inherit(k *socket.Socket) {
	for _, p := range k.Config.Plugs {
		target, ok := s.socket(p.Target)
		if ok && slices.Contains(heldBy(target, target.Config), source{k.ID, s.group}) && !slices.Contains(k.Blocked, p.Target) {
			k.Blocked = append(k.Blocked, p.Target)
		}
	}
}
