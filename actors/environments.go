package actors

import (
	"context"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/messages"
)

// Environments makes processors' code ready to run. It is called from several
// goroutines at once, and answers quickly when the environment is there.
type Environments interface {
	// Prepare needs the processor's resolved_commit. progress is told, in a
	// line, what goes on. The error ends with the last lines of a failed build.
	Prepare(ctx context.Context, p *messages.Processor, progress func(string)) (messages.Environment, error)
	// Retire removes what was not used for long, and is not in use.
	Retire(ctx context.Context, inUse []messages.Environment) error
}

// maxBuilds is how many environments a node prepares at once.
const maxBuilds = 2

// environmentKey names what an environment is made of. A restart makes it anew,
// and so tries a failed build again.
type environmentKey struct {
	processor, commit, repository, module, modulepath, requirements, python string
	restarted                                                               uint64
}

func environmentOf(o *messages.Object) environmentKey {
	p := o.GetProcessor()
	return environmentKey{o.Id, p.ResolvedCommit, p.Gitrepo, p.Module, p.Modulepath, p.Requirements, p.Python, p.Restarted}
}

// environment is one that is prepared, or is about to be.
type environment struct {
	key         environmentKey
	processor   *messages.Processor
	own         bool // for a deployment of this node; otherwise in case one comes
	tried       bool // a worker must have started with it
	building    bool
	ready       bool
	failed      bool
	message     string // why it failed
	environment messages.Environment
	progress    atomic.Pointer[string]
	cancel      context.CancelFunc
}

// builder prepares environments, those of this node's deployments first. It
// belongs to the agent's actor.
type builder struct {
	environments Environments
	workers      Workers
	agent        *actor.PID
	system       *System
	known        map[environmentKey]*environment
	queue        []*environment // Invariant: known, and neither building, ready nor failed
	building     int
}

// What a builder tells its agent.
type (
	prepared struct {
		builder     *builder
		environment *environment
		result      messages.Environment
		err         error
	}
	progressed struct{}
)

func newBuilder(s *System, agent *actor.PID, e Environments, w Workers) *builder {
	return &builder{environments: e, workers: w, agent: agent, system: s, known: map[environmentKey]*environment{}}
}

// want asks for an environment. A failed one stays failed under its key.
func (b *builder) want(o *messages.Object, own bool) *environment {
	key := environmentOf(o)
	e, ok := b.known[key]
	if !ok {
		e = &environment{key: key, processor: o.GetProcessor()}
		b.known[key] = e
		b.queue = append(b.queue, e)
	}
	e.own = e.own || own
	return e
}

// wantTried asks for an environment with which a worker has been seen to start.
func (b *builder) wantTried(o *messages.Object) *environment {
	e := b.want(o, true)
	if !e.building && !e.ready {
		e.tried = true
	}
	return e
}

// keep forgets all environments but these.
func (b *builder) keep(wanted map[environmentKey]bool) {
	for key, e := range b.known {
		if !wanted[key] {
			delete(b.known, key)
			if e.cancel != nil {
				e.cancel()
			}
		}
	}
	kept := b.queue[:0]
	for _, e := range b.queue {
		if wanted[e.key] {
			kept = append(kept, e)
		}
	}
	b.queue = kept
}

// start begins what may be built now. One for standby is built only while no
// other is.
func (b *builder) start() {
	for _, own := range []bool{true, false} {
		limit := maxBuilds
		if !own {
			limit = 1
		}
		for i := 0; i < len(b.queue) && b.building < limit; {
			if e := b.queue[i]; e.own == own {
				b.queue = append(b.queue[:i], b.queue[i+1:]...)
				b.build(e)
				continue
			}
			i++
		}
	}
}

func (b *builder) build(e *environment) {
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel, e.building = cancel, true
	b.building++
	told := new(atomic.Bool) // a progress message is under way already
	progress := func(line string) {
		e.progress.Store(&line)
		if told.CompareAndSwap(false, true) {
			b.system.after(reportDelay, func() {
				told.Store(false)
				b.system.tell(b.agent, &progressed{})
			})
		}
	}
	tried := e.tried
	b.system.run(func() {
		defer cancel()
		result, err := b.environments.Prepare(ctx, e.processor, progress)
		if err == nil && tried {
			progress("starting a worker with it")
			err = try(ctx, b.workers, result)
		}
		b.system.tell(b.agent, &prepared{b, e, result, err})
	})
}

// finish takes note of a build's end.
func (b *builder) finish(m *prepared) {
	if m.builder != b {
		return // of an agent that has panicked since
	}
	e := m.environment
	b.building--
	e.building, e.environment = false, m.result
	if e.ready = m.err == nil; !e.ready {
		e.failed, e.message = true, m.err.Error()
	}
}

// stop ends all builds.
func (b *builder) stop() { b.keep(nil) }
