package actors

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// Link carries messages to other nodes. It may lose them; those that arrive
// keep their order. It must not block: a full queue is a loss.
type Link interface {
	Send(to messages.NodeID, body []byte) error
}

// System is the actors of one node. Its address is the node's id, so that an
// actor is found on any node by (node, name).
type System struct {
	node   messages.NodeID
	link   Link
	log    *slog.Logger
	actors *actor.ActorSystem
	strategies
	generation atomic.Uint64  // numbers the incarnations of workers
	crashes    atomic.Uint64  // of workers
	work       sync.WaitGroup // goroutines that actors started
	mailboxes  *pool

	mu      sync.Mutex
	alarms  map[*alarm]struct{}
	stopped bool
}

// Crashes is how many workers have ended by themselves, or could not be started,
// since the node started.
func (s *System) Crashes() uint64 { return s.crashes.Load() }

// NewSystem makes the actor system of a node. Call Stop when its agent and
// partitions have been stopped.
func NewSystem(node messages.NodeID, link Link, log *slog.Logger) *System {
	s := &System{node: node, link: link, log: log.With("node", node), alarms: map[*alarm]struct{}{}, mailboxes: newPool()}
	s.strategies = newStrategies(s)
	fewerMaps()
	s.actors = actor.NewActorSystem(
		// The library logs whole messages, arguments and all; what matters is logged here.
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }),
		// Its throttle keeps a goroutine for this long after a dead letter.
		actor.WithDeadLetterThrottleInterval(time.Millisecond),
	)
	registry := s.actors.ProcessRegistry
	registry.Address = string(node)
	// Names of futures are numbered. They must not be used again after a
	// restart, or a late answer would reach a stranger.
	registry.SequenceID = uint64(time.Now().UnixNano())
	registry.RegisterAddressResolver(func(pid *actor.PID) (actor.Process, bool) {
		return &remote{system: s, node: messages.NodeID(pid.Address)}, true
	})
	s.actors.EventStream.Subscribe(func(e any) {
		if d, ok := e.(*actor.DeadLetterEvent); ok {
			s.log.Debug("message to an actor that is not there", "actor", d.PID.GetId(), "type", typeName(d.Message))
		}
	})
	return s
}

// Send gives a message to an actor on any node. It may be lost.
func (s *System) Send(node messages.NodeID, name string, m proto.Message) {
	s.actors.Root.Send(actor.NewPID(string(node), name), m)
}

// Ask sends a message to an actor on any node and waits for its answer. An
// actor that panics, or is not there, answers with an error.
func (s *System) Ask(node messages.NodeID, name string, m proto.Message, timeout time.Duration) (proto.Message, error) {
	answer, err := s.actors.Root.RequestFuture(actor.NewPID(string(node), name), m, timeout).Result()
	switch {
	case err == actor.ErrTimeout:
		return nil, messages.Errorf(messages.Deadline, "ask actor", name, "no answer from node %s within %v", node, timeout)
	case err == actor.ErrDeadLetter:
		return nil, messages.Errorf(messages.NotFound, "ask actor", name, "there is none on node %s", node)
	case err != nil:
		return nil, err
	}
	if info, ok := answer.(*messages.ErrorInfo); ok {
		return nil, info.Err()
	}
	m, ok := answer.(proto.Message)
	if !ok {
		return nil, messages.Errorf(messages.Invalid, "ask actor", name, "it answered with %T", answer)
	}
	return m, nil
}

// Stop waits for the goroutines that actors started, and disarms all timers.
func (s *System) Stop() {
	s.mu.Lock()
	s.stopped = true
	for a := range s.alarms {
		a.timer.Stop()
	}
	clear(s.alarms)
	s.mu.Unlock()
	s.work.Wait()
	s.actors.Shutdown()
	s.mailboxes.stop()
}

// spawn starts an actor that no other supervises: it is started again
// whenever it fails.
func (s *System) spawn(name string, produce actor.Producer, options ...actor.PropsOption) (*actor.PID, error) {
	options = append(options, actor.WithGuardian(s.needed), s.answering(), s.onPool())
	return s.actors.Root.SpawnNamed(actor.PropsFromProducer(produce, options...), name)
}

// tell gives a local message to a local actor, from any goroutine.
func (s *System) tell(pid *actor.PID, m any) { s.actors.Root.Send(pid, m) }

// alarm is a timer that Stop disarms.
type alarm struct{ timer *time.Timer }

// after runs f later, unless the system is stopped by then. The answer disarms it.
func (s *System) after(d time.Duration, f func()) (cancel func()) {
	a := new(alarm)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return func() {}
	}
	s.alarms[a] = struct{}{}
	a.timer = time.AfterFunc(d, func() {
		if s.disarm(a) {
			f()
		}
	})
	return func() { s.disarm(a) }
}

// disarm says whether the alarm was armed until now.
func (s *System) disarm(a *alarm) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, armed := s.alarms[a]
	delete(s.alarms, a)
	a.timer.Stop()
	return armed
}

// tellAfter gives a message to a local actor later.
func (s *System) tellAfter(d time.Duration, pid *actor.PID, m any) (cancel func()) {
	return s.after(d, func() { s.tell(pid, m) })
}

// run does f in a goroutine that Stop waits for. After Stop it does nothing.
func (s *System) run(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.work.Go(f)
	}
}
