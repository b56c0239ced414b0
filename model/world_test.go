package model

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// world is a meta group in memory: what is done to it goes through Apply, and
// the whole model is checked after each command.
type world struct {
	t     *testing.T
	state *kv.Map
	index uint64
	now   int64
	log   []messages.Command
}

func newWorld(t *testing.T) *world {
	return &world{t: t, state: kv.NewMap(), now: 1_000_000}
}

// founded is a world with a network of two partitions and nodes with so many CPUs
// each: the first founds it. They are called a, b, c and so on.
func founded(t *testing.T, cpus ...int32) *world {
	w := newWorld(t)
	w.do(&messages.Found{NetworkId: "net", Name: "net", Partitions: 2, Founder: nodeInfo("a", 1, cpus[0])})
	for i, n := range cpus[1:] {
		w.do(&messages.NodeUp{Node: nodeInfo(string(rune('b'+i)), 1, n)})
	}
	return w
}

func nodeInfo(name string, boot uint64, cpus int32) *messages.NodeInfo {
	return &messages.NodeInfo{Id: "node-" + name, Name: name, Boot: boot, Cpus: cpus, Hostname: "host-" + name, Owner: "joe", ApiAddress: "127.0.0.1:4000", Pid: 7}
}

// try applies a command. A refusal must have changed nothing.
func (w *world) try(m proto.Message) (*messages.Changed, *messages.Error) {
	w.t.Helper()
	command, err := messages.NewCommand(m)
	if err != nil {
		w.t.Fatal(err)
	}
	w.index++
	w.now += 1000
	w.log = append(w.log, command)
	over := kv.NewOverlay(w.state)
	result, err := Machine{Supports: testLevel}.Apply(over, w.index, w.now, command)
	if err != nil {
		w.t.Fatalf("apply %T: %v", m, err)
	}
	if info := result.Reply.Error; info != nil {
		if over.Len() != 0 {
			w.t.Fatalf("refused %T changed %d keys", m, over.Len())
		}
		var refusal *messages.Error
		errors.As(info.Err(), &refusal)
		return nil, refusal
	}
	w.state.Commit(over)
	if err := Check(w.state); err != nil {
		w.t.Fatalf("after %T {%v}: %v", m, m, err)
	}
	return result.Reply.GetChanged(), nil
}

// do applies a command that must not be refused.
func (w *world) do(m proto.Message) *messages.Changed {
	w.t.Helper()
	changed, refusal := w.try(m)
	if refusal != nil {
		w.t.Fatalf("%T refused: %v", m, refusal)
	}
	return changed
}

// refused applies a command that must be refused, for a reason that names all
// of the given words.
func (w *world) refused(m proto.Message, kind messages.KindError, words ...string) {
	w.t.Helper()
	_, refusal := w.try(m)
	if refusal == nil {
		w.t.Fatalf("%T {%v} was not refused", m, m)
	}
	if !errors.Is(refusal, kind) {
		w.t.Errorf("%T: %v, want kind %v", m, refusal, kind)
	}
	for _, word := range words {
		if !strings.Contains(refusal.Error(), word) {
			w.t.Errorf("%T: %q does not name %q", m, refusal.Error(), word)
		}
	}
}

// id makes the id of an object from any text.
func id(text string) string { return derive("test", text) }

func queue(name string) *messages.Create {
	return &messages.Create{Object: &messages.Object{Id: id("queue " + name), Name: name, Kind: messages.Kind_KIND_QUEUE, Owner: "ann",
		Spec: &messages.Object_Queue{Queue: &messages.Queue{}}}}
}

func processor(name string, slots int32, functions ...string) *messages.Create {
	m := &messages.Create{Object: &messages.Object{Id: id("processor " + name), Name: name, Kind: messages.Kind_KIND_PROCESSOR, Owner: "ann",
		Spec: &messages.Object_Processor{Processor: &messages.Processor{
			Gitrepo: "https://ann:token@example.org/repo", Module: "pkg.mod", Concurrency: slots, ResolvedCommit: "c1"}}}}
	m.Functions = functionsNamed(functions...)
	return m
}

func functionsNamed(names ...string) (functions []*messages.Function) {
	for _, name := range names {
		functions = append(functions, &messages.Function{Name: name, Doc: "Does " + name + ".", Parameters: []*messages.Parameter{
			{Name: "message"}, {Name: "args", Kind: messages.ArgumentKind_VAR_POSITIONAL},
		}})
	}
	return functions
}

func socket(name, queue, processor, function string) *messages.Create {
	return &messages.Create{Object: &messages.Object{Id: id("socket " + name), Name: name, Kind: messages.Kind_KIND_SOCKET, Owner: "ann",
		Spec: &messages.Object_Socket{Socket: &messages.Socket{Queue: queue, Processor: processor, Function: function}}}}
}

// sample adds a queue q, a processor p with the functions f and g and two
// slots, and sockets s and t in front of them.
func (w *world) sample() {
	w.t.Helper()
	w.do(queue("q"))
	w.do(processor("p", 2, "f", "g"))
	w.do(socket("s", "q", "p", "f"))
	w.do(socket("t", "q", "p", "g"))
}

func (w *world) get(kind messages.Kind, name string) *messages.Object {
	w.t.Helper()
	o, ok := Get(w.state, kind, name)
	if !ok {
		w.t.Fatalf("there is no %s %s", noun(kind), name)
	}
	return o
}

func (w *world) processor(name string) *messages.Object {
	w.t.Helper()
	return w.get(messages.Kind_KIND_PROCESSOR, name)
}

// set updates fields of a processor.
func (w *world) set(name string, p *messages.Processor, fields ...string) *messages.Changed {
	w.t.Helper()
	return w.do(&messages.Update{Kind: messages.Kind_KIND_PROCESSOR, Name: name, Fields: fields,
		Object: &messages.Object{Spec: &messages.Object_Processor{Processor: p}}})
}

// ask updates what is requested of a processor.
func (w *world) ask(name, status string) {
	w.t.Helper()
	w.do(&messages.Update{Kind: messages.Kind_KIND_PROCESSOR, Name: name, Fields: []string{"requested_status"},
		Object: &messages.Object{RequestedStatus: status}})
}

// deployed says what is placed: "p@a=2 p@b=1".
func (w *world) deployed() string {
	var parts []string
	for _, d := range all(w.state, messages.Kind_KIND_DEPLOYMENT) {
		parts = append(parts, fmt.Sprintf("%s=%d", d.Name, d.GetDeployment().Cpus))
	}
	return strings.Join(parts, " ")
}

// reports says that the agent of a node, in its first boot, has seen this of a
// processor.
func (w *world) reports(node, processor, status string, running int32, message string) {
	w.t.Helper()
	o := w.processor(processor)
	w.do(&messages.Report{Node: "node-" + node, Boot: 1, Deployments: []*messages.DeploymentReport{{
		Processor: o.Id, Commit: o.GetProcessor().ResolvedCommit, Status: status, Running: running, Message: message, Epoch: w.index}}})
}

// sent gives what is in the outbox to a partition, decoded.
func (w *world) sent(to messages.GroupID) (sent []proto.Message) {
	w.t.Helper()
	for m := range outbox.Pending(w.state) {
		if m.To == to {
			decoded, err := m.Command.Decode()
			if err != nil {
				w.t.Fatal(err)
			}
			sent = append(sent, decoded)
		}
	}
	return sent
}

// acknowledge drops all that is in the outbox to a partition.
func (w *world) acknowledge(to messages.GroupID) {
	w.t.Helper()
	w.do(&messages.Delivered{To: uint32(to), Seq: outbox.Last(w.state, to)})
}
