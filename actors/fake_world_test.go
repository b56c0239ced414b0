package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// testBoot is the start of every node in these tests.
const testBoot = 7

// fakeNetwork links systems in memory. Messages keep their order; lose says
// which are lost.
type fakeNetwork struct {
	mu      sync.Mutex
	systems map[messages.NodeID]*System
	lose    func(from, to messages.NodeID, m *messages.ActorEnvelope) bool
}

type fakeLink struct {
	network *fakeNetwork
	self    messages.NodeID
}

func (l fakeLink) Send(to messages.NodeID, body []byte) error {
	target, err := l.network.route(l.self, to, body)
	if target == nil {
		return err
	}
	target.Deliver(l.self, body)
	return nil
}

// route gives the target of a message; none if it is lost.
func (n *fakeNetwork) route(from, to messages.NodeID, body []byte) (*System, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	envelope := new(messages.ActorEnvelope)
	if err := proto.Unmarshal(body, envelope); err != nil {
		return nil, err
	}
	if n.lose != nil && n.lose(from, to, envelope) {
		return nil, nil
	}
	if n.systems[to] == nil {
		return nil, errors.New("no such node")
	}
	return n.systems[to], nil
}

func (n *fakeNetwork) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

func (n *fakeNetwork) system(t *testing.T, id messages.NodeID) *System {
	s := NewSystem(id, fakeLink{n, id}, slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug})))
	n.mu.Lock()
	defer n.mu.Unlock()
	n.systems[id] = s
	return s
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// fakeWorkers starts goroutines in the place of processes.
type fakeWorkers struct {
	mu      sync.Mutex
	alive   int
	started int
	most    int // alive at once
	ran     []attempt
	commits map[string]int // workers started
	broken  bool           // the module cannot be imported
	load    time.Duration  // of the module
}

type fakeWorker struct {
	workers *fakeWorkers
	pid     int
	work    chan Work
	kill    chan struct{}
	once    sync.Once
}

func (f *fakeWorkers) Start(_ context.Context, env messages.Environment, events func(...Event)) (Worker, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started++
	f.alive++
	f.most = max(f.most, f.alive)
	if f.commits == nil {
		f.commits = map[string]int{}
	}
	f.commits[env.Commit]++
	w := &fakeWorker{workers: f, pid: f.started, work: make(chan Work, 1000), kill: make(chan struct{})}
	go w.live(events, f.broken)
	return w, nil
}

func (w *fakeWorker) live(events func(...Event), broken bool) {
	reason := "signal: killed"
	if !w.pause(w.workers.load) {
	} else if broken {
		reason = "exit status 1"
	} else {
		events(Ready{})
		reason = w.loop(events)
	}
	w.workers.mu.Lock()
	w.workers.alive--
	w.workers.mu.Unlock()
	events(Exited{Reason: reason, Tail: "last words", Log: []byte("printed")})
}

func (w *fakeWorker) pause(d time.Duration) bool {
	select {
	case <-w.kill:
		return false
	case <-time.After(d):
		return true
	}
}

// loop runs calls: the function's name says what it does.
func (w *fakeWorker) loop(events func(...Event)) (reason string) {
	for {
		var work Work
		select {
		case <-w.kill:
			return "signal: killed"
		case work = <-w.work:
		}
		w.workers.mu.Lock()
		w.workers.ran = append(w.workers.ran, attempt{work.Call, work.Attempt})
		w.workers.mu.Unlock()
		events(Begun{work.Call, work.Attempt})
		d, outcome := time.Duration(0), messages.Outcome_OK
		switch work.Function {
		case "crash":
			return "exit status 3"
		case "crash once":
			if work.Attempt == 1 {
				return "exit status 3"
			}
		case "raise":
			outcome = messages.Outcome_EXCEPTION
		case "hang":
			d = time.Hour
		case "hang once":
			if work.Attempt == 1 {
				d = time.Hour
			}
		default:
			if parsed, err := time.ParseDuration(work.Function); err == nil {
				d = parsed
			}
		}
		if !w.pause(d) {
			return "signal: killed"
		}
		events(&Done{Call: work.Call, Attempt: work.Attempt, Outcome: outcome, Result: first(work.Arguments)})
	}
}

func (w *fakeWorker) Send(works ...Work) error {
	for _, work := range works {
		w.work <- work
	}
	return nil
}
func (w *fakeWorker) Terminate(time.Duration) { w.Kill() }
func (w *fakeWorker) Kill()                   { w.once.Do(func() { close(w.kill) }) }
func (w *fakeWorker) PID() int                { return w.pid }
func (w *fakeWorker) Dir() string             { return "/somewhere" }
func (w *fakeWorker) Printed(q *messages.PrintedQuery) *messages.PrintedAnswer {
	return &messages.PrintedAnswer{Known: true, Text: []byte(messages.CallIDFrom(q.Call).String())}
}

func (f *fakeWorkers) count() (alive, started int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.alive, f.started
}

// runs gives the attempts that were begun.
func (f *fakeWorkers) runs() []attempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ran)
}

// atOnce is the most workers that were alive together.
func (f *fakeWorkers) atOnce() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most
}

func (f *fakeWorkers) set(change func(*fakeWorkers)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// fakeEnvironments prepares in no time, or as told.
type fakeEnvironments struct {
	mu    sync.Mutex
	took  time.Duration
	fail  error
	calls []string // commits, in the order in which they were asked for
	inUse [][]messages.Environment
}

func (f *fakeEnvironments) Prepare(ctx context.Context, p *messages.Processor, progress func(string)) (messages.Environment, error) {
	f.mu.Lock()
	f.calls = append(f.calls, p.ResolvedCommit)
	took, fail := f.took, f.fail
	f.mu.Unlock()
	progress("installing")
	if !sleep(ctx, took) {
		return messages.Environment{}, ctx.Err()
	}
	return messages.Environment{Commit: p.ResolvedCommit}, fail
}

func (f *fakeEnvironments) Retire(_ context.Context, inUse []messages.Environment) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inUse = append(f.inUse, inUse)
	return nil
}

func (f *fakeEnvironments) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *fakeEnvironments) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// world is one node with an agent, and the leader of one partition.
type world struct {
	t         *testing.T
	network   *fakeNetwork
	partition *fakePartition
	real      *realPartition // in the fake one's place, if not nil
	system    *System        // with the leader
	leader    *Partition
	agents    map[messages.NodeID]*Agent
	workers   map[messages.NodeID]*fakeWorkers
	builds    map[messages.NodeID]*fakeEnvironments
	systems   []*System
}

const lead1 messages.NodeID = "node-a"

// inWorld runs a test in virtual time, on the given nodes; the first leads.
func inWorld(t *testing.T, nodes int, cpus int, test func(*testing.T, *world)) {
	t.Helper()
	inWorldOf(t, nil, nodes, cpus, test)
}

func inWorldOf(t *testing.T, real *realPartition, nodes int, cpus int, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, real: real, network: &fakeNetwork{systems: map[messages.NodeID]*System{}}, partition: newFakePartition(1),
			agents: map[messages.NodeID]*Agent{}, workers: map[messages.NodeID]*fakeWorkers{}, builds: map[messages.NodeID]*fakeEnvironments{}}
		w.partition.latency = time.Millisecond
		for i := range nodes {
			id := lead1
			if i > 0 {
				id = messages.NodeID(fmt.Sprintf("node-%c", 'a'+i))
			}
			w.systems = append(w.systems, w.network.system(t, id))
			w.agents[id] = w.agent(w.systems[i], cpus)
		}
		w.system = w.systems[0]
		w.leader = w.newLeader(w.system)
		defer w.stop()
		test(t, w)
	})
}

func (w *world) agent(s *System, cpus int) *Agent {
	workers, builds := &fakeWorkers{}, &fakeEnvironments{}
	var proposer Proposer = w.partition
	if w.real != nil {
		proposer = w.real
	}
	a, err := NewAgent(s, AgentConfig{
		Boot: testBoot, CPUs: cpus, Name: string(s.node), Hostname: "host", Proposer: proposer, Environments: builds, Workers: workers,
		Leader: func(messages.GroupID) (messages.NodeID, bool) { return lead1, true },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.workers[s.node], w.builds[s.node] = workers, builds
	return a
}

func (w *world) newLeader(s *System) *Partition {
	config := PartitionConfig{ID: 1, Group: fakeGroup{w.partition}, State: w.partition, Calendar: testCalendar{}}
	if w.real != nil {
		config.Group, config.State = realGroup{w.real}, w.real
	}
	p, err := NewPartition(s, config)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.real != nil {
		w.real.observe(p)
	} else {
		w.partition.set(func() { w.partition.observer = p })
	}
	p.Leading(1)
	return p
}

func (w *world) stop() {
	for _, a := range w.agents {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		a.Stop(ctx)
		cancel()
	}
	w.leader.Stop()
	for _, s := range w.systems {
		s.Stop()
	}
	time.Sleep(time.Second) // the library's throttle of dead letters ends
	for node, workers := range w.workers {
		if alive, _ := workers.count(); alive != 0 {
			w.t.Errorf("%d workers are left on %s", alive, node)
		}
	}
}

// place gives slots of processor p at a commit to nodes.
func (w *world) place(commit string, slots map[messages.NodeID]int32) {
	for node, a := range w.agents {
		n, placed := slots[node]
		if !placed {
			a.Assign(Assignments{})
			continue
		}
		a.Assign(Assignments{Assignments: []Assignment{{Processor: w.processor(commit), Deployment: w.deployment(node, n)}}})
	}
}

func (w *world) processor(commit string) *messages.Object {
	return &messages.Object{Id: "p", Name: "proc", Kind: messages.Kind_KIND_PROCESSOR, RequestedStatus: "running",
		Spec: &messages.Object_Processor{Processor: &messages.Processor{ResolvedCommit: commit, Partition: 1, BuiltinEcho: w.partition.echo}}}
}

func (w *world) deployment(node messages.NodeID, cpus int32) *messages.Object {
	return &messages.Object{Id: "d-" + string(node), Spec: &messages.Object_Deployment{Deployment: &messages.Deployment{
		Processor: "p", Node: string(node), Cpus: cpus, Epoch: 5}}}
}

// until waits, in virtual time, for a condition.
func (w *world) until(what string, limit time.Duration, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		synctest.Wait()
		if holds() {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

func (w *world) finished(n int) func() bool {
	return func() bool { return w.partition.count(messages.CallState_FINISHED) == n }
}
