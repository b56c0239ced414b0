package flow

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/schedule"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

const (
	opTick      = "tick"
	overlapSkip = "skip"

	// maxTicksWaiting bounds the calls that a schedule lets pile up in a mailbox
	// that has no bound of its own.
	maxTicksWaiting = 1000
	// maxReason bounds what is kept of why a tick made no call.
	maxReason = 1024
)

// reschedule notes that a socket's schedule is another one now. One that was
// turned on, or ticks at other times, begins now: what lay before is not missed.
// The last tick is kept through all changes, so that none is taken twice.
func (s *step) reschedule(k *socket.Socket, old *messages.Schedule) {
	fresh := k.Config.Schedule
	if old == nil && fresh == nil {
		return
	}
	state := schedule.Load(s.tx, k.Number)
	if !schedule.SameTimes(old, fresh) {
		state.Since = s.now
		schedule.Save(s.tx, k.Number, state)
	}
	s.effects = append(s.effects, &messages.Scheduled{State: scheduleOf(k, state)})
}

// scheduleOf is a schedule with how it stands.
func scheduleOf(k *socket.Socket, state *messages.ScheduleState) *messages.ScheduleState {
	full := proto.CloneOf(state)
	full.Socket, full.Name, full.Schedule = k.ID, k.Config.Name, k.Config.Schedule
	if k.Stage != socket.Open {
		full.Schedule = nil
	}
	return full
}

// fireSchedule takes a tick: one call, whose id follows from the socket and the
// nominal time. The leader says when it is due; here it is only seen to that no
// tick is taken twice, out of order, or before its time.
func (s *step) fireSchedule(c *messages.FireSchedule) (*messages.Reply, *messages.Error) {
	k, ok := s.socket(c.Socket)
	if !ok || k.Stage != socket.Open {
		return nil, messages.Errorf(messages.NotFound, opTick, "socket "+c.Socket, "it is not there, or being deleted")
	}
	subject := "schedule of socket " + k.Config.Name
	state, size := schedule.Load(s.tx, k.Number), call.Size(c.Arguments)
	switch {
	case !schedule.Runs(k.Config.Schedule):
		return nil, messages.Errorf(messages.Conflict, opTick, subject, "it does not run")
	case c.Since != state.Since:
		return nil, messages.Errorf(messages.Conflict, opTick, subject, "it was changed")
	case c.Nominal <= max(state.Last, state.Since) && !(c.Nominal == state.Last && plant.On(plant.TickTwice)):
		return nil, messages.Errorf(messages.Conflict, opTick, subject, "it has ticked at %s, which is not before %s", moment(max(state.Last, state.Since)), moment(c.Nominal))
	case c.Nominal > s.now:
		return nil, messages.Errorf(messages.Invalid, opTick, subject, "it is not yet %s", moment(c.Nominal))
	case size > messages.MaxInline:
		return nil, messages.Errorf(messages.Invalid, opTick, subject, "the arguments have %d bytes, and %d are the most", size, messages.MaxInline)
	}
	if refusal := s.absent(opTick, func() string { return subject }, c.Arguments.References()); refusal != nil {
		return nil, refusal
	}
	reply := &messages.Reply{}
	if state.Reason = s.leftOut(k, state, c, size); state.Reason != "" {
		state.Skipped++
	} else {
		reply = s.callOfTick(k, c, size)
		state.Fired = c.Nominal
		state.Calls++
	}
	state.Last = c.Nominal
	schedule.Save(s.tx, k.Number, state)
	s.effects = append(s.effects, &messages.Scheduled{State: scheduleOf(k, state)})
	return reply, nil
}

// leftOut says why a tick makes no call; "": it makes one. The leader knows the
// function's arguments, as the model has them: a call that cannot go well would be
// a dead letter with each tick.
func (s *step) leftOut(k *socket.Socket, state *messages.ScheduleState, c *messages.FireSchedule, size uint64) string {
	if c.Misfit != "" {
		return call.Cut(c.Misfit, maxReason)
	}
	return s.tickHeldUp(k, state, size)
}

// tickHeldUp says why a tick has to be left out for now; "": it need not.
func (s *step) tickHeldUp(k *socket.Socket, state *messages.ScheduleState, size uint64) string {
	if refusal := noRoom(k, 1, size); refusal != nil {
		return refusal.Reason
	}
	if k.Config.MaxLength <= 0 && k.Counts.Queued >= maxTicksWaiting {
		return fmt.Sprintf("%d calls wait in its mailbox, and with more no tick makes another", k.Counts.Queued)
	}
	if k.Config.Schedule.Overlap != overlapSkip || state.Fired == 0 {
		return ""
	}
	before := tickID(k.ID, state.Fired, s.group)
	if place, ok := call.Find(s.tx, before); ok && roll.Of(call.At(s.tx, place).State) == roll.Open {
		return "call " + before.String() + " of the tick before has not ended"
	}
	return ""
}

func (s *step) callOfTick(k *socket.Socket, c *messages.FireSchedule, size uint64) *messages.Reply {
	id := tickID(k.ID, c.Nominal, s.group)
	rec := s.accept(k, id, &messages.Enqueue{Id: id.Bytes(), Socket: k.ID, Arguments: c.Arguments, Owner: k.Config.Schedule.Owner}, size)
	rec.Tick, rec.CatchUp = c.Nominal, c.CatchUp
	rec.Events[0].Note = "tick of " + moment(c.Nominal)
	if c.CatchUp {
		rec.Events[0].Note += ", which was missed"
	}
	s.wait(k, rec)
	return enqueued(id, rec.State, false)
}

// tickID is the id of the call that a tick makes.
func tickID(socketID string, nominal int64, group messages.GroupID) messages.CallID {
	return messages.DeriveCallID(socketID, "schedule", uint64(nominal), group)
}

func moment(micros int64) string { return time.UnixMicro(micros).UTC().Format(time.RFC3339) }

// Schedules gives the schedules of a partition's sockets, paused ones too, in
// the order in which the sockets came.
func Schedules(view kv.View) (all []*messages.ScheduleState) {
	for _, number := range schedule.Sockets(view) {
		k, ok := socket.Load(view, socket.ID(view, number), nil)
		if !ok {
			fail("socket number %d has a schedule and no configuration", number)
		}
		if state := scheduleOf(k, schedule.Load(view, number)); state.Schedule != nil {
			all = append(all, state)
		}
	}
	return all
}
