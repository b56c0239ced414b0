package flow

import (
	"bytes"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/value"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// deliver applies the next commands of another group's stream, one after the
// other. The reply is the first that refuses, or else the last.
func (s *step) deliver(d *messages.Deliver) (all messages.Result, err error) {
	for _, parcel := range outbox.Unpack(d) {
		r, err := s.deliverOne(messages.GroupID(d.From), parcel)
		if err != nil {
			return r, err
		}
		if all.Reply.GetError() == nil {
			all.Reply = r.Reply
		}
		all.Effects = append(all.Effects, r.Effects...)
	}
	return all, nil
}

// deliverOne applies the next command of another group's stream. One that was
// applied before is answered, and changes nothing. A command that is refused
// still counts as delivered: it would be refused again for ever.
func (s *step) deliverOne(from messages.GroupID, d outbox.Message) (messages.Result, error) {
	subject := fmt.Sprintf("message %d of group %d", d.Seq, from)
	if d.Command.Type == messages.CommandDeliver {
		return messages.Refused(messages.Errorf(messages.Invalid, "deliver", subject, "a delivery cannot hold another")), nil
	}
	inner, err := d.Command.Decode()
	if err != nil {
		return messages.Result{}, err
	}
	if refusal := s.undeliverable(from, d.Seq, subject, inner); refusal != nil {
		return messages.Refused(refusal), nil
	}
	fresh, err := outbox.Accept(s.tx, from, d.Seq)
	if err != nil {
		return messages.Refused(messages.Errorf(messages.Conflict, "deliver", subject, "%v", err).
			WithHint("send the ones before it first")), nil
	}
	if !fresh {
		return messages.Result{Reply: &messages.Reply{}}, nil
	}
	return s.one(inner)
}

// undeliverable refuses a message whose large values are not here yet. It does
// not count as delivered: it comes again, behind their chunks.
func (s *step) undeliverable(from messages.GroupID, seq uint64, subject string, inner proto.Message) *messages.Error {
	refs := referencesIn(inner)
	if len(refs) == 0 || outbox.Accepted(s.tx, from, seq) {
		return nil
	}
	return s.absent("deliver", func() string { return subject }, refs)
}

// mail hands a message to another partition through the outbox, where it names
// its large values until it has arrived.
func (s *step) mail(to messages.GroupID, m proto.Message) {
	command, err := messages.NewCommand(m)
	if err != nil {
		fail("encode a message to partition %d: %v", to, err)
	}
	seq, refs := outbox.Put(s.tx, to, command), referencesIn(m)
	for _, r := range refs {
		value.Send(s.tx, to, seq, r)
	}
	s.name(refs)
}

// referencesIn gives the large values that a message between partitions names,
// each once, in the order in which they are noted beside the message.
func referencesIn(m proto.Message) (refs []messages.Reference) {
	switch m := m.(type) {
	case *messages.Arrive:
		refs = messages.References(m.Value)
	case *messages.FanOut:
		refs = m.GetPublish().GetArguments().References()
	}
	slices.SortFunc(refs, func(a, b messages.Reference) int { return bytes.Compare(a.Hash[:], b.Hash[:]) })
	return slices.CompactFunc(refs, func(a, b messages.Reference) bool { return a.Hash == b.Hash })
}

// delivered forgets the messages that a group has applied.
func (s *step) delivered(d *messages.Delivered) *messages.Reply {
	outbox.Drop(s.tx, messages.GroupID(d.To), d.Seq)
	s.unname(value.Arrived(s.tx, messages.GroupID(d.To), d.Seq))
	return &messages.Reply{}
}
