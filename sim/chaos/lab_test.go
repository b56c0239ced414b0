//go:build e2e

package chaos

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

const (
	sample = "pyfi.processors.sample"
	// gone is how long processes may live after what they belong to has died,
	// and how long slots of a dead node may take to be elsewhere.
	gone = 5 * time.Second
	// soon is how long anything else may take.
	soon = 30 * time.Second
)

// lab is a network, a client of it, and what is asked of them in these tests.
type lab struct {
	t          *testing.T
	w          *Network
	repository string
	c          *client.Client
}

func newLab(t *testing.T, nodes int, flags ...string) *lab {
	t.Helper()
	w, repository := started(t, nodes, flags...)
	return labOn(t, w, repository)
}

func labOn(t *testing.T, w *Network, repository string) *lab {
	t.Helper()
	c, err := client.New(client.Options{Addresses: w.Addresses(), Patience: soon})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	l := &lab{t, w, repository, c}
	l.cli("add", "queue", "-n", "q", "-t", "direct")
	return l
}

// in gives the lab of a part of a test.
func (l *lab) in(t *testing.T) *lab { return &lab{t, l.w, l.repository, l.c} }

func (l *lab) cli(args ...string) string {
	l.t.Helper()
	return cli(l.t, l.w, strings.Join(l.w.Addresses(), ","), "", args...)
}

func (l *lab) processor(name string, flags ...string) {
	l.t.Helper()
	l.cli(append([]string{"add", "processor", "-n", name, "-g", l.repository, "-m", sample}, flags...)...)
}

// socket puts a function of a processor behind a socket, PROCESSOR.FUNCTION.
func (l *lab) socket(processor, function string, flags ...string) string {
	l.t.Helper()
	name := processor + "." + function
	l.cli(append([]string{"add", "socket", "-n", name, "-q", "q", "-pn", processor, "-t", function}, flags...)...)
	return name
}

func (l *lab) submit(socket, data string) string {
	l.t.Helper()
	m := &messages.RunRequest{Socket: socket}
	if data != "" {
		m.Data = &data
	}
	call, err := l.c.Submit(l.t.Context(), m)
	if err != nil {
		l.t.Fatalf("submit to %s: %v", socket, err)
	}
	return call.GetId()
}

func (l *lab) call(id string) *messages.CallInfo {
	l.t.Helper()
	call, err := l.c.GetCall(l.t.Context(), id, false)
	if err != nil {
		l.t.Fatalf("get call %s: %v", id, err)
	}
	return call
}

// ended waits for a call's end, and checks the state.
func (l *lab) ended(id, state string) *messages.CallInfo {
	l.t.Helper()
	call, err := l.c.Result(l.t.Context(), id, soon)
	if err != nil || call.GetState() != state {
		l.t.Fatalf("call %s is %s (%v, waits for %q), want %s; %v", id, call.GetState(), call.GetError(), call.GetWaiting(), state, err)
	}
	return l.call(id)
}

func (l *lab) run(socket, data, state string) *messages.CallInfo {
	l.t.Helper()
	return l.ended(l.submit(socket, data), state)
}

func (l *lab) gives(socket, data, want string) {
	l.t.Helper()
	if call := l.run(socket, data, "finished"); call.GetResult() != want {
		l.t.Errorf("%s gives %s, want %s", socket, call.GetResult(), want)
	}
}

func (l *lab) until(what string, limit time.Duration, holds func() bool) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), limit)
	defer cancel()
	if err := Until(ctx, what, holds); err != nil {
		l.t.Fatal(err)
	}
}

// running submits a call and waits until it runs.
func (l *lab) running(socket, data string) *messages.CallInfo {
	l.t.Helper()
	id := l.submit(socket, data)
	var call *messages.CallInfo
	l.until("call "+id+" to run", soon, func() bool { call = l.call(id); return call.GetState() == "running" })
	return call
}

func (l *lab) list(kind messages.Kind, filter string) []*messages.Object {
	l.t.Helper()
	r, err := l.c.List(l.t.Context(), &messages.ListRequest{Kind: kind, Filter: filter, Rows: 1000})
	if err != nil {
		l.t.Fatalf("list %v: %v", kind, err)
	}
	return r.GetObjects()
}

// workers gives the workers of a processor by the name of their node.
func (l *lab) workers(processor string) map[string][]*messages.Worker {
	l.t.Helper()
	names := map[string]string{}
	for _, n := range l.list(messages.Kind_KIND_NODE, "") {
		names[n.GetId()] = n.GetName()
	}
	all := map[string][]*messages.Worker{}
	for _, o := range l.list(messages.Kind_KIND_WORKER, "processor="+processor) {
		name := names[o.GetWorker().GetNode()]
		all[name] = append(all[name], o.GetWorker())
	}
	return all
}

// worker waits for the only worker of a processor on a node.
func (l *lab) worker(processor, node string) (found *messages.Worker) {
	l.t.Helper()
	l.until(fmt.Sprintf("one worker of %s on %s", processor, node), soon, func() bool {
		all := l.workers(processor)[node]
		if len(all) == 1 && len(Alive(int(all[0].GetProcess()))) == 1 {
			found = all[0]
		}
		return found != nil
	})
	return found
}

func (l *lab) processorIs(name, status string) *messages.Object {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), soon)
	defer cancel()
	var o *messages.Object
	if err := Until(ctx, "processor "+name+" to be "+status, func() bool {
		r, err := l.c.Get(l.t.Context(), messages.Kind_KIND_PROCESSOR, name)
		if err != nil {
			l.t.Fatal(err)
		}
		o = r.GetObject()
		return o.GetStatus() == status
	}); err != nil {
		l.t.Fatalf("%v: it is %s: %s", err, o.GetStatus(), o.GetMessage())
	}
	return o
}

// allGone waits until none of the processes is left.
func (l *lab) allGone(pids ...int) {
	l.t.Helper()
	begin := time.Now()
	l.until(fmt.Sprintf("processes %v to be gone", pids), gone, func() bool { return len(Alive(pids...)) == 0 })
	l.t.Logf("%d processes were gone after %v", len(pids), time.Since(begin).Round(time.Millisecond))
}

func times(call *messages.CallInfo, event string) (at []int64) {
	for _, e := range call.GetEvents() {
		if e.GetName() == event {
			at = append(at, e.GetTime())
		}
	}
	return at
}

func ready(l *lab) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	if err := l.w.WaitReady(ctx, tolerated(len(l.w.Nodes))); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) node(name string) *Node {
	l.t.Helper()
	i := slices.IndexFunc(l.w.Nodes, func(n *Node) bool { return n.Name == name })
	if i < 0 {
		l.t.Fatalf("there is no node %q", name)
	}
	return l.w.Nodes[i]
}
