package actors

import (
	"context"
	"sync/atomic"
	"time"

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

const (
	// maxBuilds is how many environments a node prepares at once.
	maxBuilds = 2
	// A build that failed is tried again: what was amiss may be over, as a disk that was
	// full, a host that could not be reached, a process that the system ended.
	// The pause doubles from one failure to the next.
	firstRebuild = 5 * time.Second
	maxRebuild   = 5 * time.Minute
)

// environmentKey names what an environment is made of. A restart makes it anew,
// and so tries a failed build again at once.
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
	failed      int    // times; it counts as failed until a build works
	message     string // why it failed the last time
	environment messages.Environment
	progress    atomic.Pointer[string]
	cancel      context.CancelFunc
	notAgain    func() // disarms the next try; nil: none is due
}

// builder prepares environments, those of this node's deployments first. It
// belongs to the agent's actor.
type builder struct {
	environments Environments
	workers      Workers
	agent        *actor.PID
	system       *System
	known        map[environmentKey]*environment
	queue        []*environment // Invariant: known, neither building nor ready, and due
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
	rebuild struct {
		builder     *builder
		environment *environment
	}
	progressed struct{}
)

func newBuilder(s *System, agent *actor.PID, e Environments, w Workers) *builder {
	return &builder{environments: e, workers: w, agent: agent, system: s, known: map[environmentKey]*environment{}}
}

// want asks for an environment.
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
			if e.notAgain != nil {
				e.notAgain()
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
	if m.err == nil {
		e.ready, e.failed = true, 0
		return
	}
	e.failed++
	e.message = m.err.Error()
	// Code that is to take another's place has failed when its build has: whoever
	// asked for that was told so, and is not to be surprised later.
	if b.known[e.key] == e && !e.tried {
		e.notAgain = b.system.tellAfter(rebuildPause(e.failed), b.agent, &rebuild{b, e})
	}
}

// rebuildPause is how long a build that has failed so many times in a row rests.
func rebuildPause(failed int) time.Duration {
	return min(firstRebuild<<min(failed-1, 16), maxRebuild)
}

// again lets a build that failed be tried once more.
func (b *builder) again(m *rebuild) {
	if e := m.environment; m.builder == b && b.known[e.key] == e {
		e.notAgain = nil
		b.queue = append(b.queue, e)
	}
}

// stop ends all builds.
func (b *builder) stop() { b.keep(nil) }
