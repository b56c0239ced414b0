package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// oracle is the naive model of what people added: names, what each refers to,
// and what is on its way out.
type oracle struct {
	queues     map[string]bool // name: being deleted
	processors map[string]*oracleProcessor
	sockets    map[string]*oracleSocket
	plugs      map[string]*oraclePlug
	nodes      oracleNodes
}

type oraclePlug struct{ source, target string }

func (o *oracle) createPlug(name string, p *oraclePlug) bool {
	source, target := o.sockets[p.source], o.sockets[p.target]
	if o.plugs[name] != nil || source == nil || target == nil || source.deleting || target.deleting || o.queues[target.queue] {
		return false
	}
	o.plugs[name] = p
	return true
}

// unplug takes away the plugs of a socket.
func (o *oracle) unplug(socket string) {
	for name, p := range o.plugs {
		if p.source == socket || p.target == socket {
			delete(o.plugs, name)
		}
	}
}

func (o *oracle) plugged(socket string) bool {
	for _, p := range o.plugs {
		if p.source == socket || p.target == socket {
			return true
		}
	}
	return false
}

type oracleProcessor struct {
	deleting  bool
	functions []string
	staged    []string // of code that is to serve
}

type oracleSocket struct {
	deleting                   bool
	queue, processor, function string
}

// socketsOf gives the names of the sockets that a test accepts.
func (o *oracle) socketsOf(match func(s *oracleSocket) bool) (found []string) {
	for name, s := range o.sockets {
		if match(s) {
			found = append(found, name)
		}
	}
	return found
}

func (o *oracle) createSocket(name string, s *oracleSocket) bool {
	deleting, queue := o.queues[s.queue]
	p := o.processors[s.processor]
	if o.sockets[name] != nil || !queue || deleting || p == nil || p.deleting || !slices.Contains(p.functions, s.function) {
		return false
	}
	o.sockets[name] = s
	return true
}

func (o *oracle) deleteQueue(name string, force bool) bool {
	deleting, ok := o.queues[name]
	sockets := o.socketsOf(func(s *oracleSocket) bool { return s.queue == name })
	if !ok || len(sockets) > 0 && !force {
		return false
	}
	for _, s := range sockets {
		o.sockets[s].deleting = true
		o.unplug(s)
	}
	if o.queues[name] = true; len(sockets) == 0 && !deleting {
		delete(o.queues, name)
	}
	return true
}

func (o *oracle) deleteProcessor(name string, force bool) bool {
	p := o.processors[name]
	sockets := o.socketsOf(func(s *oracleSocket) bool { return s.processor == name })
	if p == nil || len(sockets) > 0 && !force {
		return false
	}
	for _, s := range sockets {
		o.sockets[s].deleting = true
		o.unplug(s)
	}
	p.deleting, p.staged = true, nil
	return true
}

func (o *oracle) setFunctions(name string, functions []string) bool {
	p := o.processors[name]
	if p == nil || p.deleting {
		return false
	}
	if len(functions) == 0 {
		return true
	}
	if len(o.socketsOf(func(s *oracleSocket) bool { return s.processor == name && !slices.Contains(functions, s.function) })) > 0 {
		return false
	}
	p.staged = functions
	return true
}

// serve makes staged functions those that are called, as soon as the code they
// are of serves.
func (o *oracle) serve(w *world) {
	for name, p := range o.processors {
		if p.staged != nil && w.processor(name).GetProcessor().Serving == nil {
			p.functions, p.staged = p.staged, nil
		}
	}
}

// acknowledged lets go of all that was being deleted.
func (o *oracle) acknowledged() {
	for _, name := range o.socketsOf(func(s *oracleSocket) bool { return s.deleting }) {
		delete(o.sockets, name)
	}
	for name, p := range o.processors {
		if p.deleting {
			delete(o.processors, name)
		}
	}
	for name, deleting := range o.queues {
		if deleting && len(o.socketsOf(func(s *oracleSocket) bool { return s.queue == name })) == 0 {
			delete(o.queues, name)
		}
	}
}

// names gives what must be listed of a kind.
func (o *oracle) names(kind messages.Kind) (names []string) {
	switch kind {
	case messages.Kind_KIND_QUEUE:
		for name := range o.queues {
			names = append(names, name)
		}
	case messages.Kind_KIND_SOCKET:
		names = o.socketsOf(func(*oracleSocket) bool { return true })
	case messages.Kind_KIND_PLUG:
		for name := range o.plugs {
			names = append(names, name)
		}
	case messages.Kind_KIND_PROCESSOR, messages.Kind_KIND_TASK:
		for name, p := range o.processors {
			if kind == messages.Kind_KIND_PROCESSOR {
				names = append(names, name)
				continue
			}
			for _, f := range p.functions {
				names = append(names, name+"."+f)
			}
		}
	}
	slices.Sort(names)
	return names
}

// How many worlds there are, and how many commands each of them lives.
const (
	lives           = 12
	commandsPerLife = 250
)

// TestRandomCommandsAgreeWithTheOracle applies random commands to the model
// and to the oracle, checks the model after each, and compares what both hold.
// The same log applied again must give the same bytes.
func TestRandomCommandsAgreeWithTheOracle(t *testing.T) {
	for seed := *first; seed < *first+lives; seed++ {
		rng := rand.New(rand.NewPCG(seed, 9))
		w := founded(t, 4, 3)
		o := &oracle{nodes: newOracleNodes("a", "b"), queues: map[string]bool{}, processors: map[string]*oracleProcessor{}, sockets: map[string]*oracleSocket{}, plugs: map[string]*oraclePlug{}}
		for step := range commandsPerLife {
			m, want := randomCommand(rng, w, o, step)
			if _, refusal := w.try(m); want != nil && (refusal == nil) != *want {
				t.Fatalf("seed %d, step %d: %T {%v}: %v, want it done: %t", seed, step, m, m, refusal, *want)
			}
			if rng.IntN(6) == 0 {
				w.acknowledge(1)
				w.acknowledge(2)
				o.acknowledged()
			}
			o.serve(w)
			for _, kind := range []messages.Kind{messages.Kind_KIND_QUEUE, messages.Kind_KIND_PROCESSOR, messages.Kind_KIND_SOCKET, messages.Kind_KIND_TASK, messages.Kind_KIND_PLUG} {
				if got, want := namesOf(all(w.state, kind)), o.names(kind); !slices.Equal(got, want) {
					t.Fatalf("seed %d, step %d: after %T {%v}: %s: %v, want %v", seed, step, m, m, noun(kind), got, want)
				}
			}
			if step%25 == 0 {
				compareLists(t, w)
			}
			for name, s := range o.sockets {
				spec := w.get(messages.Kind_KIND_SOCKET, name).GetSocket()
				if w.get(messages.Kind_KIND_QUEUE, spec.Queue).Name != s.queue || w.processor(spec.Processor).Name != s.processor || spec.Function != s.function {
					t.Fatalf("seed %d, step %d: socket %s leads elsewhere: %v", seed, step, name, spec)
				}
			}
		}
		replay(t, w)
	}
}

// randomCommand makes a command, tells the oracle, and gives what the oracle
// says; nil: it has no opinion.
func randomCommand(rng *rand.Rand, w *world, o *oracle, step int) (proto.Message, *bool) {
	pick := func(names ...string) string { return names[rng.IntN(len(names))] }
	q, p, s := pick("q1", "q2", "q3"), pick("p1", "p2", "p3"), pick("s1", "s2", "s3", "s4", "s5")
	functions := [][]string{nil, {"f"}, {"f", "g"}, {"g", "h"}}[rng.IntN(4)]
	force := rng.IntN(2) == 0
	fresh := func(m *messages.Create) *messages.Create { m.Object.Id = id(fmt.Sprint(step)); return m }
	said := func(done bool) *bool { return &done }
	switch rng.IntN(18) {
	case 0:
		_, taken := o.queues[q]
		if !taken {
			o.queues[q] = false
		}
		m := fresh(queue(q))
		m.Object.GetQueue().Expires = int64(rng.IntN(3))
		return m, said(!taken)
	case 1, 2:
		taken := o.processors[p] != nil
		if !taken {
			o.processors[p] = &oracleProcessor{functions: functions}
		}
		return fresh(processor(p, int32(1+rng.IntN(5)), functions...)), said(!taken)
	case 3, 4, 5:
		f := pick("f", "g", "h")
		return fresh(socket(s, q, p, f)), said(o.createSocket(s, &oracleSocket{queue: q, processor: p, function: f}))
	case 6:
		known := o.sockets[s]
		gone := known != nil && (force || !o.plugged(s))
		if gone {
			known.deleting = true
			o.unplug(s)
		}
		return &messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: s, Force: force}, said(gone)
	case 13, 14, 15:
		plugName, target := pick("u1", "u2", "u3", "u4"), pick("s1", "s2", "s3", "s4", "s5")
		return fresh(plug(plugName, s+" "+pick("RESULT", "ERROR")+" "+target+" "+pick("", "message"))), said(o.createPlug(plugName, &oraclePlug{s, target}))
	case 16:
		plugName := pick("u1", "u2", "u3", "u4")
		_, known := o.plugs[plugName]
		delete(o.plugs, plugName)
		return &messages.Delete{Kind: messages.Kind_KIND_PLUG, Name: plugName}, said(known)
	case 7:
		return &messages.Delete{Kind: messages.Kind_KIND_QUEUE, Name: q, Force: force}, said(o.deleteQueue(q, force))
	case 8:
		return &messages.Delete{Kind: messages.Kind_KIND_PROCESSOR, Name: p, Force: force}, said(o.deleteProcessor(p, force))
	case 9:
		commit := pick("c1", "c2")
		if known := o.processors[p]; known != nil && !known.deleting && len(functions) == 0 {
			if serving := w.processor(p).GetProcessor().Serving; serving.GetCommit() == commit {
				known.staged = nil // the code that serves is asked for again
			}
		}
		return &messages.Update{Kind: messages.Kind_KIND_PROCESSOR, Name: p, Functions: functionsNamed(functions...),
				Fields: []string{"processor.resolved_commit", "requested_status", "processor.concurrency"},
				Object: &messages.Object{RequestedStatus: pick(Running, Paused, Stopped), Spec: &messages.Object_Processor{Processor: &messages.Processor{
					ResolvedCommit: commit, Concurrency: int32(rng.IntN(9))}}}},
			said(o.setFunctions(p, functions))
	case 10, 11, 12:
		m, done := randomNodes(rng, o.nodes)
		return m, said(done)
	}
	report := &messages.Report{Node: "node-" + pick("a", "b"), Boot: uint64(1 + rng.IntN(2))}
	for name := range o.names(messages.Kind_KIND_PROCESSOR) {
		processor := all(w.state, messages.Kind_KIND_PROCESSOR)[name]
		report.Deployments = append(report.Deployments, &messages.DeploymentReport{Processor: processor.Id, Commit: pick("c1", "c2"),
			Status: pick(Building, Starting, Running, Failed, Stopped), Running: int32(rng.IntN(3)), Message: "m", Epoch: w.index, Unbuilt: rng.IntN(2) == 0,
			NextCommit: pick("c1", "c2"), NextStatus: pick(Building, Failed, Ready), NextMessage: "n"})
		report.Workers = append(report.Workers, &messages.Object{Spec: &messages.Object_Worker{Worker: &messages.Worker{Processor: processor.Id, Process: int32(rng.IntN(3))}}})
	}
	return report, nil
}

// replay applies a world's log to an empty state and compares.
func replay(t *testing.T, w *world) {
	t.Helper()
	state := kv.NewMap()
	now := int64(1_000_000)
	for i, command := range w.log {
		now += 1000
		over := kv.NewOverlay(state)
		result, err := Machine{Supports: testLevel}.Apply(over, uint64(i+1), now, command)
		if err != nil {
			t.Fatal(err)
		}
		if result.Reply.Error == nil {
			state.Commit(over)
		}
	}
	if difference := firstDifference(w.state, state); difference != "" {
		t.Fatalf("the same log gives another state: %q differs", difference)
	}
	if outbox.Last(state, 1) == 0 {
		t.Fatal("nothing was ever sent to partition 1: the commands did nothing")
	}
}
