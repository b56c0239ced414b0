package model

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// New code takes the place of code that works only once it is known to start:
// an agent builds it beside what serves, starts a worker with it for a trial,
// and reports that it is ready. Until then the processor's fields say what is
// asked for, its field serving what runs, and its tasks and their arguments
// are those of what runs; the functions of the new code wait in a key of
// their own.

// codeOf is what a processor's fields ask for.
func codeOf(p *messages.Processor) *messages.Code {
	return &messages.Code{Gitrepo: p.Gitrepo, Commit: p.ResolvedCommit, Module: p.Module, Modulepath: p.Modulepath,
		Requirements: p.Requirements, Python: p.Python, Restarted: p.Restarted, Overrides: p.Overrides}
}

// servingCode is what a processor runs.
func servingCode(p *messages.Processor) *messages.Code {
	if p.Serving != nil {
		return p.Serving
	}
	return codeOf(p)
}

// sameCode compares what is run, whenever it was started.
func sameCode(a, b *messages.Code) bool {
	a, b = proto.CloneOf(a), proto.CloneOf(b)
	a.Restarted, b.Restarted = 0, 0
	return proto.Equal(a, b)
}

// Serving is a processor with the code that it runs in the place of the code
// that is asked for. pending says that they differ.
func Serving(o *messages.Object) (serving *messages.Object, pending bool) {
	code := o.GetProcessor().GetServing()
	if code == nil {
		return o, false
	}
	serving = clone(o)
	p := serving.GetProcessor()
	p.Gitrepo, p.ResolvedCommit, p.Module, p.Modulepath = code.Gitrepo, code.Commit, code.Module, code.Modulepath
	p.Requirements, p.Python, p.Restarted, p.Serving = code.Requirements, code.Python, code.Restarted, nil
	p.Overrides = code.Overrides
	return serving, true
}

// stage keeps the functions of code that does not serve yet.
func (c *change) stage(processor *messages.Object, functions []*messages.Function) {
	if len(functions) > 0 {
		c.Set(stagedKey(processor.Id), encode(&messages.InspectResponse{Commit: processor.GetProcessor().ResolvedCommit, Functions: functions}))
	}
}

// staged gives the functions of the code that is to serve; none: they stay as
// they are.
func staged(view kv.View, processor string) []*messages.Function {
	value, ok := view.Get(stagedKey(processor))
	if !ok {
		return nil
	}
	found := new(messages.InspectResponse)
	if err := proto.Unmarshal(value, found); err != nil {
		panic(fmt.Sprintf("model: the functions staged for processor %s are malformed: %v", processor, err))
	}
	return found.Functions
}

// rollOver lets new code serve when it has started somewhere, and the sockets
// and plugs that there are can do with it.
func (c *change) rollOver(o *messages.Object, deployments []*messages.Object) {
	p := o.GetProcessor()
	ready := func(d *messages.Object) bool { return d.GetDeployment().NextStatus == Ready }
	if p.Serving == nil || !slices.ContainsFunc(deployments, ready) {
		return
	}
	functions := staged(c, o.Id)
	if len(functions) > 0 && c.checkFunctions(updating, o, functions) != nil {
		return // processorStatus says so
	}
	p.Serving = nil
	c.Delete(stagedKey(o.Id))
	for _, d := range deployments {
		c.restartDeployment(d)
	}
	c.save(o)
	c.replaceFunctions(o, functions)
}

// replaceFunctions makes the tasks of a processor be the functions, if any are
// given, and tells its sockets.
func (c *change) replaceFunctions(o *messages.Object, functions []*messages.Function) {
	if len(functions) == 0 {
		return
	}
	c.setFunctions(o, functions)
	for _, socket := range referring(c, reference{o.Kind, o.Id}, messages.Kind_KIND_SOCKET) {
		c.configureSocket(socket)
	}
}

// whyNotYet says why code that is asked for does not serve; "" when it does.
func (c *change) whyNotYet(o *messages.Object, deployments []*messages.Object) string {
	p := o.GetProcessor()
	if p.Serving == nil {
		return ""
	}
	in := func(status string) *messages.Deployment {
		i := slices.IndexFunc(deployments, func(d *messages.Object) bool { return d.GetDeployment().NextStatus == status })
		if i < 0 {
			return nil
		}
		return deployments[i].GetDeployment()
	}
	update, goesOn := "update to commit "+shortCommit(p.ResolvedCommit), fmt.Sprintf("; commit %s runs on", shortCommit(p.Serving.Commit))
	if in(Ready) != nil {
		if refusal := c.checkFunctions(updating, o, staged(c, o.Id)); refusal != nil {
			return update + " waits" + goesOn + ": " + refusal.Error()
		}
	}
	if d := in(Building); d != nil {
		return update + " is being built on " + d.Hostname + goesOn
	}
	if d := in(Failed); d != nil {
		return update + " failed on " + d.Hostname + goesOn + ":\n" + d.NextMessage
	}
	return update + " is about to be built" + goesOn
}

// updating names in refusals what is attempted.
const updating = "update processor"

// shortCommit is a commit's hash as people write it.
func shortCommit(name string) string {
	commit, overrides, pinned := strings.Cut(name, "+")
	commit = commit[:min(len(commit), 12)]
	if pinned {
		commit += "+" + overrides[:min(len(overrides), 4)]
	}
	return commit
}
