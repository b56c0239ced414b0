package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Types of plugs.
const (
	ResultPlug = "RESULT"
	ErrorPlug  = "ERROR"
)

// checkPlug refuses what cannot be a plug, puts ids in the place of names, and
// fills in defaults.
func (c *change) checkPlug(op string, o *messages.Object) *messages.Error {
	p := o.GetPlug()
	p.Type = cmp.Or(strings.ToUpper(p.Type), ResultPlug)
	if p.Type != ResultPlug && p.Type != ErrorPlug {
		return messages.Errorf(messages.Invalid, op, o.Name, "%q is not a type of plug", p.Type).
			WithHint("types are %s and %s", ResultPlug, ErrorPlug)
	}
	source, refusal := c.living(op, o.Name, messages.Kind_KIND_SOCKET, p.Source)
	if refusal != nil {
		return refusal
	}
	target, refusal := c.living(op, o.Name, messages.Kind_KIND_SOCKET, p.Target)
	if refusal != nil {
		return refusal
	}
	queue, refusal := c.living(op, o.Name, messages.Kind_KIND_QUEUE, cmp.Or(p.Queue, target.GetSocket().Queue))
	if refusal != nil {
		return refusal
	}
	p.Source, p.Target, p.Queue, p.Processor = source.Id, target.Id, queue.Id, source.GetSocket().Processor
	if refusal := c.checkPlugArgument(op, o, target); refusal != nil {
		return refusal
	}
	return c.checkPlugCount(op, o, source, target)
}

// checkPlugArgument refuses an argument that the target's function does not take.
func (c *change) checkPlugArgument(op string, o, target *messages.Object) *messages.Error {
	p := o.GetPlug()
	var names []string
	anyName, byPlace := false, false
	for _, a := range fillable(c, target.GetSocket().Task) {
		switch a.GetArgument().Kind {
		case messages.ArgumentKind_VAR_KEYWORD:
			anyName = true
		case messages.ArgumentKind_VAR_POSITIONAL:
			byPlace = true
		default:
			byPlace = byPlace || a.GetArgument().Kind != messages.ArgumentKind_KEYWORD_ONLY
			if names = append(names, a.Name); p.Argument == a.Id {
				p.Argument = a.Name
			}
		}
	}
	function := target.GetSocket().Function
	refused := func(format string, args ...any) *messages.Error {
		return messages.Errorf(messages.Invalid, op, o.Name, "function %s of socket %s %s", function, target.Name, fmt.Sprintf(format, args...))
	}
	switch {
	case p.Argument == "" && byPlace, p.Argument != "" && (anyName || slices.Contains(names, p.Argument)):
		return nil
	case len(names) == 0 && !anyName && !byPlace:
		return refused("takes no arguments, and a plug delivers one").WithHint("let the plug lead to a function that takes an argument")
	case p.Argument == "" && anyName:
		return refused("takes its arguments by name, and the plug names none").WithHint("name one; it takes any")
	case p.Argument == "":
		return refused("takes no first argument").WithHint("name an argument: %s", listed(names))
	case len(names) == 0:
		return refused("has no argument %q", p.Argument).WithHint("it takes arguments by their place: name none")
	}
	return refused("has no argument %q", p.Argument).WithHint("it has: %s", listed(names))
}

// followTarget lets a plug that leads to another socket from now on go by that
// one's queue, as it went by the old one's: unless a queue is named.
func (c *change) followTarget(old, fresh *messages.Object, m *messages.Update) {
	before := load(c, messages.Kind_KIND_SOCKET, old.GetPlug().GetTarget()).GetSocket()
	if slices.Contains(m.Fields, "plug.target") && !slices.Contains(m.Fields, "plug.queue") && old.GetPlug().Queue == before.GetQueue() {
		fresh.GetPlug().Queue = ""
	}
}

func (c *change) checkPlugCount(op string, o, source, target *messages.Object) *messages.Error {
	w := c.wires()
	others := func(of []*messages.Object) int {
		return len(slices.DeleteFunc(slices.Clone(of), func(p *messages.Object) bool { return p.Id == o.Id }))
	}
	switch {
	case others(w.from[source.Id]) >= messages.MaxPlugs:
		return messages.Errorf(messages.Exhausted, op, o.Name, "%d plugs lead from socket %s, and that is the most", messages.MaxPlugs, source.Name).
			WithHint("let one of them lead to a socket that gives back its argument: as many plugs may lead on from there")
	case others(w.to[target.Id]) >= messages.MaxPlugs:
		return messages.Errorf(messages.Exhausted, op, o.Name, "%d plugs lead to socket %s, and that is the most", messages.MaxPlugs, target.Name).
			WithHint("let some of the sources lead to another socket of the same function")
	}
	return nil
}

// fillable gives the arguments of a task that a caller fills, by position: not
// those that the worker gives to functions which ask for them.
func fillable(view kv.View, task string) []*messages.Object {
	return slices.DeleteFunc(TaskArguments(view, task), func(a *messages.Object) bool { return GivenByWorker(a) })
}

// GivenByWorker says that an argument is one of the keywords plugs and output,
// which the worker gives to a function that takes them.
func GivenByWorker(a *messages.Object) bool {
	kind := a.GetArgument().GetKind()
	named := kind == messages.ArgumentKind_POSITIONAL_OR_KEYWORD || kind == messages.ArgumentKind_KEYWORD_ONLY
	return named && (a.Name == "plugs" || a.Name == "output")
}

// rewired tells partitions of sockets whose plugs have changed. A plug can close
// a cycle, or open one, anywhere: so all that have plugs are looked at.
func (c *change) rewired(before ...*messages.Object) {
	c.wiring = nil
	told := map[string]bool{}
	for _, p := range append(before, c.wires().plugs...) {
		for _, id := range []string{p.GetPlug().Source, p.GetPlug().Target} {
			if o := load(c, messages.Kind_KIND_SOCKET, id); o != nil && !told[id] {
				c.configureSocket(o)
			}
			told[id] = true
		}
	}
}

// plugsOf gives the plugs that lead from an object's sockets, to them, or
// through it.
func (c *change) plugsOf(o *messages.Object) []*messages.Object {
	return referring(c, reference{o.Kind, o.Id}, messages.Kind_KIND_PLUG)
}

func (c *change) deletePlugs(plugs []*messages.Object) {
	for _, p := range plugs {
		c.remove(p)
		c.leaveQueue(p.GetPlug().Queue)
	}
	if len(plugs) > 0 {
		c.rewired(plugs...)
	}
}

// wires is all plugs, by name, and which sockets lie in a cycle together.
type wires struct {
	plugs []*messages.Object
	from  map[string][]*messages.Object // by socket: those that lead from it, by name
	to    map[string][]*messages.Object // those that lead to it, in the order in which they were added
	cycle map[string]int                // by socket: those with the same number can reach each other
}

func (c *change) wires() *wires {
	if c.wiring == nil {
		c.wiring = readWires(c)
	}
	return c.wiring
}

func readWires(view kv.View) *wires {
	w := &wires{plugs: all(view, messages.Kind_KIND_PLUG), from: map[string][]*messages.Object{}, to: map[string][]*messages.Object{}, cycle: map[string]int{}}
	for _, p := range w.plugs {
		w.from[p.GetPlug().Source] = append(w.from[p.GetPlug().Source], p)
	}
	for _, p := range inOrderAdded(w.plugs) {
		w.to[p.GetPlug().Target] = append(w.to[p.GetPlug().Target], p)
	}
	var order []string // sockets, those that others can be reached from last
	seen := map[string]bool{}
	for _, p := range w.plugs {
		w.visit(p.GetPlug().Source, seen, &order)
		w.visit(p.GetPlug().Target, seen, &order)
	}
	for i := len(order) - 1; i >= 0; i-- {
		w.gather(order[i], i+1)
	}
	return w
}

// visit and gather are Kosaraju's two passes.
func (w *wires) visit(socket string, seen map[string]bool, order *[]string) {
	if seen[socket] {
		return
	}
	seen[socket] = true
	for _, p := range w.from[socket] {
		w.visit(p.GetPlug().Target, seen, order)
	}
	*order = append(*order, socket)
}

func (w *wires) gather(socket string, cycle int) {
	if w.cycle[socket] != 0 {
		return
	}
	w.cycle[socket] = cycle
	for _, p := range w.to[socket] {
		w.gather(p.GetPlug().Source, cycle)
	}
}

func (w *wires) cyclic(p *messages.Object) bool {
	return w.cycle[p.GetPlug().Source] == w.cycle[p.GetPlug().Target]
}

// inOrderAdded gives plugs that came by name in the order in which they were added.
func inOrderAdded(plugs []*messages.Object) []*messages.Object {
	return slices.SortedStableFunc(slices.Values(plugs), func(a, b *messages.Object) int { return cmp.Compare(a.GetPlug().Added, b.GetPlug().Added) })
}

// wire puts the plugs of a socket into what its partition is told of it.
func (w *wires) wire(view kv.View, o *messages.Object, m *messages.ConfigureSocket) {
	for _, p := range w.from[o.Id] {
		target := load(view, messages.Kind_KIND_SOCKET, p.GetPlug().Target)
		m.Plugs = append(m.Plugs, &messages.PlugTo{Plug: p.Id, Name: p.Name, Type: p.GetPlug().Type, Target: target.GetId(), TargetName: target.GetName(),
			Partition: target.GetSocket().GetPartition(), Argument: p.GetPlug().Argument, Cyclic: w.cyclic(p)})
	}
	for _, p := range w.to[o.Id] {
		source := load(view, messages.Kind_KIND_SOCKET, p.GetPlug().Source)
		m.Incoming = append(m.Incoming, &messages.PlugFrom{Plug: p.Id, Name: p.Name, Source: source.GetId(), SourceName: source.GetName(),
			Partition: source.GetSocket().GetPartition(), Argument: p.GetPlug().Argument, Cyclic: w.cyclic(p)})
	}
	if len(m.Incoming) == 0 {
		return
	}
	for _, a := range fillable(view, o.GetSocket().Task) {
		m.Parameters = append(m.Parameters, &messages.Parameter{Name: a.Name, Kind: a.GetArgument().Kind, HasDefault: a.GetArgument().HasDefault})
	}
}

// plugsWithout gives the plugs of a processor's sockets whose argument a new set
// of functions lacks.
func (c *change) plugsWithout(processor *messages.Object, functions []*messages.Function) (plugs []*messages.Object) {
	for _, p := range c.wires().plugs { // of which there are fewer than sockets
		argument, target := p.GetPlug().Argument, load(c, messages.Kind_KIND_SOCKET, p.GetPlug().Target).GetSocket()
		if argument == "" || target.GetProcessor() != processor.Id {
			continue
		}
		at := slices.IndexFunc(functions, func(f *messages.Function) bool { return f.Name == target.Function })
		if at >= 0 && !takes(functions[at], argument) {
			plugs = append(plugs, p)
		}
	}
	return plugs
}

func takes(f *messages.Function, argument string) bool {
	return slices.ContainsFunc(f.Parameters, func(p *messages.Parameter) bool {
		return p.Kind == messages.ArgumentKind_VAR_KEYWORD || p.Name == argument && p.Kind != messages.ArgumentKind_VAR_POSITIONAL
	})
}
