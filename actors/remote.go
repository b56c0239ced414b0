package actors

import (
	"fmt"
	"strings"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/elasticcode/flow/buggify"
	"github.com/elasticcode/flow/messages"
)

// vocabulary is the package of the messages that may come from another node.
// The library's own (a poison pill, say) may not: a peer does not stop actors here.
const vocabulary = "flow.v1."

// deadLetter is the one exception: the answer to a request that met nobody.
const deadLetter = "actor.DeadLetterResponse"

// remote stands for the actors of another node.
type remote struct {
	system *System
	node   messages.NodeID
}

// SendUserMessage puts a message on the link. What cannot be sent is lost, and
// said so at debug level: whoever needs an answer asks again.
func (r *remote) SendUserMessage(pid *actor.PID, message any) {
	_, m, sender := actor.UnwrapEnvelope(message)
	body, err := seal(pid.Id, sender, m)
	if err == nil && !buggify.On(buggify.LostTell) {
		err = r.system.link.Send(r.node, body)
	}
	if err != nil {
		r.system.log.Debug("message to another node is lost", "peer", r.node, "actor", pid.Id, "type", typeName(m), "error", err)
	}
}

// SendSystemMessage loses the message: supervision ends at the node.
func (r *remote) SendSystemMessage(pid *actor.PID, message any) {
	r.system.log.Debug("supervision does not reach another node", "peer", r.node, "actor", pid.Id, "type", typeName(message))
}

// Stop does nothing, for the same reason.
func (r *remote) Stop(*actor.PID) {}

func seal(target string, sender *actor.PID, m any) ([]byte, error) {
	p, ok := m.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is not a protobuf message", m)
	}
	body, err := proto.Marshal(p)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(&messages.ActorEnvelope{
		Target: target, Sender: sender.GetId(), SenderAddress: sender.GetAddress(),
		Type: string(p.ProtoReflect().Descriptor().FullName()), Message: body,
	})
}

// Deliver takes a message from another node's link. It does not block, and
// does not keep body.
func (s *System) Deliver(from messages.NodeID, body []byte) {
	envelope := new(messages.ActorEnvelope)
	if err := proto.Unmarshal(body, envelope); err != nil {
		s.log.Warn("malformed message from another node", "peer", from, "error", err)
		return
	}
	m, err := open(envelope)
	if err != nil {
		s.log.Warn("message from another node is dropped", "peer", from, "type", envelope.Type, "error", err)
		return
	}
	if !addressable(envelope.Target) {
		s.log.Warn("message from another node to an actor of the library", "peer", from, "actor", envelope.Target)
		return
	}
	target := s.actors.NewLocalPID(envelope.Target)
	if envelope.Sender == "" {
		s.actors.Root.Send(target, m)
		return
	}
	s.actors.Root.RequestWithCustomSender(target, m, actor.NewPID(envelope.SenderAddress, envelope.Sender))
}

func open(envelope *messages.ActorEnvelope) (proto.Message, error) {
	if !strings.HasPrefix(envelope.Type, vocabulary) && envelope.Type != deadLetter {
		return nil, fmt.Errorf("messages of this type do not come from other nodes")
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(envelope.Type))
	if err != nil {
		return nil, fmt.Errorf("the type is unknown to this version")
	}
	m := kind.New().Interface()
	return m, proto.Unmarshal(envelope.Message, m)
}

// addressable says whether other nodes may send to a name: the library's own
// processes panic in the sender's goroutine when they get what they do not know.
func addressable(name string) bool {
	return !strings.HasPrefix(name, "guardian$") && name != "eventstream" && name != "deadletter"
}

func typeName(m any) string { return fmt.Sprintf("%T", m) }
