package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// Leases that go to a slot together have at most this many bytes of arguments: a
// message to another node is bounded.
const maxStartsBytes = 256 << 10

// leases are those of a slot that go together.
type leases struct {
	slot  *actor.PID
	some  []*messages.Start
	bytes int
}

// news is what the cursor of a socket gets to know together: its leases, and the
// ends of its calls, in order.
type news struct {
	socket string
	some   []proto.Message
}

// outgoing is what effects ask for and was not sent yet.
type outgoing struct {
	leases []*leases
	news   []*news
}

// carryOut does what effects ask for, in their order. What an entry has for one
// slot or one cursor goes there together.
func (l *leader) carryOut(c actor.Context, effects ...proto.Message) {
	var out outgoing
	for _, effect := range effects {
		switch e := effect.(type) {
		case *messages.Start:
			if _, known := l.sessions.deadlines[e.Session]; !known {
				l.sessions.watch(e.Session, time.Now())
				l.armSessions(c)
			}
			// Slots get their leases from here, and so in order, whichever sockets
			// they are of. The cursor sees to it that they arrive.
			out.lease(c, l.slots.of(e.Session, e.Slot), e)
			out.tell(e.Socket, e)
		case *messages.Ended:
			if l.cursors[e.Call.Socket] != nil || out.tells(e.Call.Socket) {
				out.tell(e.Call.Socket, e)
			}
		case *messages.Scheduled:
			l.scheduled(e.State)
			l.armSchedules(c)
		case *messages.Abort:
			l.send(c, &out) // the lease that it ends may be among them
			l.aborts[attempt{messages.CallIDFrom(e.Call), e.Attempt}] = &pendingAbort{e, time.Now()}
			c.Send(l.slots.of(e.Session, e.Slot), e)
		}
	}
	l.send(c, &out)
}

// lease adds a lease to those of its slot.
func (o *outgoing) lease(c actor.Context, slot *actor.PID, start *messages.Start) {
	size := start.Arguments.Inline()
	for _, to := range o.leases {
		if to.slot == slot {
			if to.bytes+size > maxStartsBytes {
				to.send(c)
			}
			to.some, to.bytes = append(to.some, start), to.bytes+size
			return
		}
	}
	o.leases = append(o.leases, &leases{slot: slot, some: []*messages.Start{start}, bytes: size})
}

func (t *leases) send(c actor.Context) {
	if len(t.some) > 0 {
		c.Send(t.slot, &messages.Starts{Starts: t.some})
	}
	t.some, t.bytes = nil, 0
}

func (o *outgoing) tells(socket string) bool {
	for _, to := range o.news {
		if to.socket == socket {
			return true
		}
	}
	return false
}

func (o *outgoing) tell(socket string, m proto.Message) {
	for _, to := range o.news {
		if to.socket == socket {
			to.some = append(to.some, m)
			return
		}
	}
	o.news = append(o.news, &news{socket, []proto.Message{m}})
}

// send sends what was put together.
func (l *leader) send(c actor.Context, out *outgoing) {
	for _, to := range out.leases {
		to.send(c)
	}
	for _, to := range out.news {
		l.toCursor(c, to)
	}
	*out = outgoing{}
}

func (l *leader) toCursor(c actor.Context, m *news) {
	ref := l.cursors[m.socket]
	if ref == nil {
		memory := &cursorMemory{}
		produce := func() actor.Actor { return &cursor{Partition: l.Partition, socket: m.socket, cursorMemory: memory} }
		ref = &cursorRef{pid: c.SpawnPrefix(actor.PropsFromProducer(produce, l.system.answering(), l.system.onPool()), "socket/"+m.socket)}
		l.cursors[m.socket] = ref
	}
	ref.sent, ref.quiet = ref.sent+1, false
	c.Send(ref.pid, m)
}

// effectsOf gives effects of one kind as effects.
func effectsOf[E proto.Message](some []E) (all []proto.Message) {
	for _, e := range some {
		all = append(all, e)
	}
	return all
}
