package flow

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Machine is the state machine of one partition. All that it knows is in the
// Tx: what the Machine itself remembers saves work, and changes nothing. It
// applies one entry at a time.
type Machine struct {
	Group    messages.GroupID
	Supports uint32 // feature levels up to this one
	recent   recent
	next     uint64 // index of the entry for which things stay loaded
}

// Apply applies an entry of one command.
func (m *Machine) Apply(tx kv.Tx, index uint64, now int64, c messages.Command) (messages.Result, error) {
	results, err := m.ApplyEntry(tx, index, now, []messages.Command{c})
	if err != nil {
		return messages.Result{}, err
	}
	return results[0], nil
}

// ApplyEntry applies the commands of an entry at an index and a time of the log.
// now is in microseconds and never goes back. A refusal is in the reply, and has
// changed nothing. An error means that this version cannot know what a command
// does, or that the state is broken: the replica must stop, and drop the Tx.
func (m *Machine) ApplyEntry(tx kv.Tx, index uint64, now int64, commands []messages.Command) (results []messages.Result, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case pack.Broken:
			err = fmt.Errorf("its state is broken: %w", p)
		default:
			panic(p) // not ours to judge, and nothing may be kept of this entry
		}
		if err != nil {
			results, err = nil, fmt.Errorf("apply entry %d to partition %d: command %d: %w", index, m.Group, len(results), err)
		}
	}()
	if index != m.next { // the state may have been replaced by a snapshot
		m.recent.things = things{}
	}
	m.next = index + 1
	s := newStep(tx, m.Group, now, &m.recent)
	s.supports = m.Supports
	results = make([]messages.Result, 0, len(commands))
	for _, c := range commands {
		r, err := s.command(c)
		if err != nil {
			return results, err
		}
		results = append(results, r)
	}
	s.save()
	return results, nil
}

// command applies one command of the entry.
func (s *step) command(c messages.Command) (r messages.Result, err error) {
	command, err := c.DecodeAfter(s.before)
	if err != nil {
		return r, err
	}
	s.before = command
	if d, ok := command.(*messages.Deliver); ok {
		return s.deliver(d)
	}
	return s.one(command)
}

// one applies a command that is no delivery.
func (s *step) one(command proto.Message) (r messages.Result, err error) {
	if e, ok := command.(*messages.Enqueue); !ok || !s.row.takes(e, s.now) {
		s.closeRow()
	}
	s.begin()
	reply, refusal, err := s.apply(command)
	switch {
	case err != nil:
		return r, err
	case refusal != nil:
		return messages.Refused(refusal), nil
	}
	s.finish()
	return messages.Result{Reply: reply, Effects: s.effects}, nil
}

var errNotOurs = errors.New("not a command of a partition")

// apply does what a command says. It must not have written anything when it
// refuses.
func (s *step) apply(command proto.Message) (reply *messages.Reply, refusal *messages.Error, err error) {
	switch c := command.(type) {
	case *messages.Enqueue:
		reply, refusal = s.enqueue(c)
	case *messages.EnqueueBatch:
		reply, refusal = s.enqueueBatch(c)
	case *messages.Grant:
		reply, refusal = s.grant(c)
	case *messages.Revoke:
		reply, refusal = s.revoke(c)
	case *messages.EndSession:
		reply, refusal = s.endSession(c)
	case *messages.Complete:
		reply, refusal = s.complete(c)
	case *messages.CompleteBatch:
		reply, refusal = s.completeBatch(c)
	case *messages.Cancel:
		reply, refusal = s.cancel(c)
	case *messages.Tick:
		reply = s.tick()
	case *messages.ConfigureProcessor:
		reply, refusal = s.configureProcessor(c)
	case *messages.ConfigureSocket:
		reply, refusal = s.configureSocket(c)
	case *messages.RemoveSocket:
		reply = s.removeSocket(c)
	case *messages.RemoveProcessor:
		reply = s.removeProcessor(c)
	case *messages.Arrive:
		reply, refusal = s.arrive(c)
	case *messages.Throttle:
		reply = s.throttled(c)
	case *messages.ConfigureQueue:
		reply, refusal = s.configureQueue(c)
	case *messages.Bind:
		reply, refusal = s.bind(c)
	case *messages.RemoveQueue:
		reply = s.removeQueue(c)
	case *messages.Publish:
		reply, refusal = s.publish(c)
	case *messages.FanOut:
		reply, refusal = s.fanOut(c)
	case *messages.PutChunk:
		reply, refusal = s.putChunk(c)
	case *messages.FireSchedule:
		reply, refusal = s.fireSchedule(c)
	case *messages.RedriveDead:
		reply, refusal = s.redriveDead(c)
	case *messages.DropDead:
		reply, refusal = s.dropDead(c)
	case *messages.EditDead:
		reply, refusal = s.editDead(c)
	case *messages.SetFeatureLevel:
		reply, err = s.setFeatureLevel(c)
	case *messages.Delivered:
		reply = s.delivered(c)
	default:
		err = fmt.Errorf("%T: %w", command, errNotOurs)
	}
	return reply, refusal, err
}
