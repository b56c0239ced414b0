package flow

import (
	"bytes"
	"encoding/json"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// firePlugs sends what the plugs of a call carry that has ended just now: the result
// of one that finished, the error of one that failed or expired, nothing of one
// that was cancelled. It is part of the same command as the end, so that each
// plug fires once.
func (s *step) firePlugs(k *socket.Socket, rec *call.Record, e ending) {
	if len(k.Config.Plugs) == 0 {
		return
	}
	kind, value := errorPlug, []byte(nil)
	switch rec.State {
	case messages.CallState_FINISHED:
		kind, value = resultPlug, e.result
	case messages.CallState_FAILED, messages.CallState_EXPIRED:
		value = errorValue(rec)
	default:
		return
	}
	for _, p := range k.Config.Plugs {
		if p.Type != kind && !(kind == resultPlug && plant.On(plant.ErrorOnSuccess)) {
			continue
		}
		sent := value
		if kind == resultPlug && len(e.routed) > 0 {
			routed, named := e.routed.of(p.Name)
			if !named {
				continue
			}
			sent = routed
		}
		s.post(messages.GroupID(p.Partition), message(rec, p, sent))
		if rec.Attempt > 1 && plant.On(plant.PlugsTwice) {
			again := message(rec, p, sent)
			again.Id = messages.DeriveCallID(rec.ID().String(), p.Plug, 1, messages.GroupID(p.Partition)).Bytes()
			s.post(messages.GroupID(p.Partition), again)
		}
	}
}

// message is what one plug of a call sends.
func message(rec *call.Record, p *messages.PlugTo, value []byte) *messages.Arrive {
	to := messages.GroupID(p.Partition)
	return &messages.Arrive{
		Id: messages.DeriveCallID(rec.ID().String(), p.Plug, 0, to).Bytes(), Socket: p.Target, Name: p.TargetName,
		Plug: p.Plug, PlugName: p.Name, Argument: p.Argument, Value: value,
		Parent: rec.Id, Tracking: rec.Tracking, Taskparent: rec.Taskparent, Flowparent: rec.Flowparent,
		Owner: rec.Owner, Priority: rec.Priority, Hops: rec.Hops + 1,
	}
}

// post hands a message to its partition: to this one at once, to another one
// through the outbox.
func (s *step) post(to messages.GroupID, m *messages.Arrive) {
	if to == s.group {
		s.take(m)
		return
	}
	s.mail(to, m)
}

// errorValue is what an ERROR plug carries.
func errorValue(rec *call.Record) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Type      string `json:"type"`
		Message   string `json:"message"`
		Traceback string `json:"traceback"`
		Call      string `json:"call"`
	}{rec.Error.GetType(), rec.Error.GetMessage(), rec.Error.GetTraceback(), rec.ID().String()})
	if err != nil {
		fail("encode the error of call %s: %v", rec.ID(), err)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
