package actors

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/eventstream"

	"golang.org/x/sync/semaphore"

	"github.com/elasticcode/flow/messages"
)

// AgentName is the name of a node's agent among its actors.
const AgentName = "agent"

const (
	keepAliveEvery = 500 * time.Millisecond
	stopGrace      = 10 * time.Second // for the running call of a slot that stops
	shutdownGrace  = 5 * time.Second  // the same when the node stops
	renewPause     = time.Second      // between two sessions
)

// AgentConfig is what an agent needs to know.
type AgentConfig struct {
	Boot     uint64 // of the node; raised at each start
	CPUs     int    // slots that the node offers
	Name     string // node's name
	Hostname string
	Grace    time.Duration // for the running calls when the node stops; 0: 5 s

	Proposer     Proposer
	Values       Values
	Environments Environments
	Workers      Workers
	Leader       func(messages.GroupID) (messages.NodeID, bool)
	Chance       func(n int) int // a number in [0, n); nil: math/rand
}

// Agent is the part of a node that deploys processors there.
type Agent struct {
	crew
	config   AgentConfig
	pid      *actor.PID
	latest   atomic.Pointer[Assignments]
	told     atomic.Bool   // the actor is about to look at latest
	sessions atomic.Uint64 // of this boot
	hired    atomic.Uint64 // slots of this boot
	dead     *eventstream.Subscription
	gone     chan struct{}
}

// NewAgent starts the agent of a system's node.
func NewAgent(s *System, config AgentConfig) (*Agent, error) {
	if config.Chance == nil {
		config.Chance = rand.IntN
	}
	if config.Grace == 0 {
		config.Grace = shutdownGrace
	}
	pool := newPool()
	a := &Agent{
		crew: crew{system: s, proposer: config.Proposer, workers: config.Workers, pool: pool, node: config.Name, chance: config.Chance,
			values: config.Values, arguments: semaphore.NewWeighted(maxArguments), outcomes: newOutcomes(config.Proposer, config.Values, pool)},
		config: config, gone: make(chan struct{}),
	}
	pid, err := s.spawn(AgentName, func() actor.Actor { return &agent{Agent: a} }, actor.WithSupervisor(s.needed))
	if err != nil {
		return nil, fmt.Errorf("start agent: %w", err)
	}
	a.pid = pid
	a.dead = s.actors.EventStream.Subscribe(a.deadLetter)
	return a, nil
}

// Assign tells the agent what is asked of its node now. It does not block;
// only the latest of several counts.
func (a *Agent) Assign(now Assignments) {
	a.latest.Store(&now)
	if a.told.CompareAndSwap(false, true) {
		a.system.tell(a.pid, &reconcile{})
	}
}

// Stop takes all slots out of service, and waits until no worker is left. When
// the context ends first, running calls are given up.
func (a *Agent) Stop(ctx context.Context) {
	a.system.tell(a.pid, &shutdown{})
	select {
	case <-a.gone:
	case <-ctx.Done():
		a.system.actors.Root.Stop(a.pid)
		<-a.gone
	}
	a.system.actors.EventStream.Unsubscribe(a.dead)
	a.outcomes.stop()
	a.pool.stop()
}

// What the agent tells itself.
type (
	reconcile struct{}
	shutdown  struct{}
	beat      struct{}
	renew     struct{}
)

// agent is the actor. What it holds is gone after a panic, and so are its
// slots: the next incarnation begins a new session and reconciles.
type agent struct {
	*Agent
	ctx      context.Context // of this incarnation's proposals
	cancel   context.CancelFunc
	session  string
	renewed  time.Time // when the session began
	renewing bool
	builds   *builder
	slots    map[slotKey]*post
	names    map[string]slotKey        // by the name of the slot's actor
	orphans  map[string]bool           // slots that are being revoked though they are gone
	groups   map[messages.GroupID]bool // that have taken a grant of the session
	reports  reporter
	stopping bool
	nextBeat func()    // disarms it
	retired  time.Time // when what is not in use was last looked through
}

// post is what the agent knows of a slot.
type post struct {
	pid      *actor.PID
	ledger   *ledger
	job      *job
	status   slotStatus
	stopping bool
}

func (a *agent) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		a.begin(c)
	case *reconcile:
		a.told.Store(false)
		a.reconcile(c)
	case *prepared:
		a.builds.finish(m)
		a.reconcile(c)
	case *rebuild:
		a.builds.again(m)
		a.reconcile(c)
	case *progressed:
		a.report(c)
	case *orphan:
		a.revoke(c, m)
	case *revokedOrphan:
		delete(a.orphans, m.slot)
	case *sessionOpen:
		if m.session == a.session {
			a.groups[m.group] = true
		}
	case *slotStatus:
		a.note(c, m)
	case *actor.Terminated:
		a.ended(c, m.Who)
	case *beat:
		a.keepAlive(c)
	case *messages.SessionUnknown:
		a.sessionUnknown(c, m)
	case *renew:
		a.renewing = false
		a.renew(c)
	case *sendReport:
		a.sendReport(c)
	case *reported:
		a.reported(c, m)
	case *messages.PrintedQuery:
		a.printed(c, m)
	case *messages.Panic:
		panic(m.Reason)
	case *shutdown:
		a.shutdown(c)
	case *actor.Restarting, *actor.Stopping:
		a.quit()
	case *actor.Stopped:
		close(a.gone)
	}
}

func (a *agent) begin(c actor.Context) {
	a.slots, a.names, a.orphans = map[slotKey]*post{}, map[string]slotKey{}, map[string]bool{}
	a.builds = newBuilder(a.system, c.Self(), a.config.Environments, a.config.Workers)
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.renew(c)
	a.beat(c)
	if a.latest.Load() != nil {
		a.reconcile(c)
	}
}

// quit ends what this incarnation started. Its slots end as its children, and
// none is to be started in their place.
func (a *agent) quit() {
	clear(a.names)
	a.builds.stop()
	a.cancel()
	a.nextBeat()
}

// shutdown stops all slots, and then the agent.
func (a *agent) shutdown(c actor.Context) {
	a.stopping = true
	a.builds.stop()
	for _, p := range a.slots {
		a.dismiss(c, p, a.config.Grace, "node "+a.config.Name+" is stopping")
	}
	if len(a.slots) == 0 {
		c.Stop(c.Self())
	}
}

// reconcile makes what runs what is asked for, as far as is possible now.
func (a *agent) reconcile(c actor.Context) {
	now := a.latest.Load()
	if now == nil || a.stopping {
		return
	}
	jobs := a.prepare(now)
	alive := map[slotKey]bool{}
	for key, p := range a.slots {
		alive[key] = p.stopping
	}
	var wants []want
	for i := range now.Assignments {
		if d := &now.Assignments[i]; a.mine(d) {
			wants = append(wants, want{d.Deployment.Id, d.slots(), jobs[d.Deployment.Id] != nil})
		}
	}
	start, end := plan(wants, alive, a.config.CPUs)
	for _, key := range end {
		a.dismiss(c, a.slots[key], stopGrace, now.whyFewer(key, a.config.Name))
	}
	for _, key := range start {
		a.hire(c, key)
	}
	for key, p := range a.slots {
		if j := jobs[key.deployment]; j != nil && !p.stopping {
			a.assign(c, p, j)
		}
	}
	a.report(c)
}

func (a *agent) mine(d *Assignment) bool {
	node := d.Deployment.GetDeployment().GetNode()
	return node == "" || node == string(a.system.node)
}

// prepare asks for the environments, and gives the jobs of the deployments
// that have theirs.
func (a *agent) prepare(now *Assignments) map[string]*job {
	jobs, wanted := map[string]*job{}, map[environmentKey]bool{}
	for i := range now.Assignments {
		d := &now.Assignments[i]
		if !a.mine(d) || d.slots() == 0 {
			continue
		}
		p := d.Processor.GetProcessor()
		j := &job{processor: d.Processor.Id, name: d.Processor.Name, group: messages.GroupID(p.Partition), commit: p.ResolvedCommit, echo: p.BuiltinEcho, key: environmentOf(d.Processor)}
		if j.echo {
			jobs[d.Deployment.Id] = j
			continue
		}
		e := a.builds.want(d.Processor, true)
		wanted[e.key] = true
		if d.Next != nil {
			wanted[a.builds.wantTried(d.Next).key] = true
		}
		if e.ready {
			j.environment = e.environment
			jobs[d.Deployment.Id] = j
		}
	}
	for _, o := range now.Standby {
		if !o.GetProcessor().GetBuiltinEcho() {
			wanted[a.builds.want(o, false).key] = true
		}
	}
	a.builds.keep(wanted)
	a.builds.start()
	return jobs
}

func (a *agent) hire(c actor.Context, key slotKey) {
	st := &seat{crew: &a.crew, key: key, ledger: newLedger()}
	// No name is used twice: what was sent to a slot that has ended, or said of
	// it to a partition, never meets another.
	name := fmt.Sprintf("slot/%s/%d/%d", key.deployment, key.number, a.hired.Add(1))
	pid, err := c.SpawnNamed(actor.PropsFromProducer(func() actor.Actor { return &slot{seat: st} },
		actor.WithSupervisor(a.system.owner), a.system.answering(), a.system.onPool()), name)
	if err != nil {
		a.system.log.Error("slot cannot be started", "actor", name, "error", err)
		return
	}
	a.slots[key] = &post{pid: pid, ledger: st.ledger, status: slotStatus{key: key}}
	a.names[pid.Id] = key
}

func (a *agent) assign(c actor.Context, p *post, j *job) {
	if p.job != nil && p.job.same(j) {
		return
	}
	p.job = j
	c.Send(p.pid, &assign{a.session, j})
}

func (a *agent) dismiss(c actor.Context, p *post, grace time.Duration, why string) {
	p.stopping = true
	c.Send(p.pid, &stop{grace, why})
}

// ended makes room for another slot.
func (a *agent) ended(c actor.Context, who *actor.PID) {
	key, ok := a.names[who.Id]
	if !ok {
		return
	}
	delete(a.names, who.Id)
	delete(a.slots, key)
	if a.stopping && len(a.slots) == 0 {
		c.Stop(c.Self())
		return
	}
	a.reconcile(c)
}
