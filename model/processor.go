package model

import (
	"cmp"
	"strings"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// MaxConcurrency is the most slots that one processor may ask for.
const MaxConcurrency = 4096

// localhost is no pin: it names whatever node one happens to be on.
const localhost = "localhost"

// checkNewProcessor refuses what cannot be a processor, and fills in defaults.
func (c *change) checkNewProcessor(op string, o *messages.Object) *messages.Error {
	p := o.GetProcessor()
	p.Partition, p.Shortfall, p.Restarted = 0, 0, 0
	p.Serving, p.Proven, p.GivenUp = nil, false, false
	if o.RequestedStatus == "" || o.RequestedStatus == Ready {
		o.RequestedStatus = Running
	}
	if refusal := checkProcessor(op, o); refusal != nil {
		return refusal
	}
	return c.checkPin(op, o)
}

func checkProcessor(op string, o *messages.Object) *messages.Error {
	p := o.GetProcessor()
	if p.Concurrency == 0 {
		p.Concurrency = 1
	}
	invalid := func(format string, args ...any) *messages.Error {
		return messages.Errorf(messages.Invalid, op, o.Name, format, args...)
	}
	switch {
	case !p.BuiltinEcho && p.Gitrepo == "":
		return invalid("it has no git repository").WithHint("give its URL with --gitrepo")
	case !p.BuiltinEcho && p.Module == "":
		return invalid("it has no module").WithHint("give the dotted name of a module in the repository with --module")
	case p.Concurrency < 1 || p.Concurrency > MaxConcurrency:
		return invalid("concurrency is %d, it must be 1 to %d", p.Concurrency, MaxConcurrency)
	case o.RequestedStatus != Running && o.RequestedStatus != Paused && o.RequestedStatus != Stopped:
		return invalid("%q cannot be asked for", o.RequestedStatus).WithHint("ask for %s, %s or %s", Running, Paused, Stopped)
	case len(p.Overrides) > messages.MaxOverrides:
		return invalid("%d of its functions have other code than the repository, and %d are the most", len(p.Overrides), messages.MaxOverrides).
			WithHint("bring them into the repository")
	}
	if refusal := checkRate(op, o.Name, p.Ratelimit); refusal != nil {
		return refusal
	}
	if refusal := checkRetries(op, o.Name, int64(p.Retries), p.Retrydelay, p.NoRetry); refusal != nil {
		return refusal
	}
	return within(op, o.Name, []amount{{"timelimit", p.Timelimit, maxMillis}})
}

// checkPin refuses a host that no node has as its name or id, and puts the
// name in the id's place.
func (c *change) checkPin(op string, o *messages.Object) *messages.Error {
	p := o.GetProcessor()
	if strings.EqualFold(p.Hostname, localhost) {
		p.Hostname = ""
	}
	if p.Hostname == "" {
		return nil
	}
	node := find(c, messages.Kind_KIND_NODE, p.Hostname)
	if node == nil {
		return messages.Errorf(messages.NotFound, op, o.Name, "there is no host %q in the network", p.Hostname).
			WithHint("nodes: %s; without a host it runs anywhere", listed(namesOf(all(c, messages.Kind_KIND_NODE))))
	}
	p.Hostname = node.Name
	return nil
}

// createProcessor adds a processor, its tasks and their arguments, and places
// its slots.
func (c *change) createProcessor(op string, o *messages.Object, functions []*messages.Function) *messages.Error {
	if o.GetProcessor().BuiltinEcho && len(functions) == 0 {
		functions = []*messages.Function{echo()}
	}
	if refusal := c.checkFunctions(op, o, functions); refusal != nil {
		return refusal
	}
	o.GetProcessor().Partition = uint32(c.emptiest(o.Kind))
	o.GetProcessor().Restarted = c.index
	o.Status = Starting
	c.save(o)
	c.setFunctions(o, functions)
	c.place()
	c.reply.Object = load(c, o.Kind, o.Id)
	return nil
}

// echo is the function of a processor without code.
func echo() *messages.Function {
	return &messages.Function{Name: "echo", Doc: "Gives its argument back.", Parameters: []*messages.Parameter{
		{Name: "value", Kind: messages.ArgumentKind_POSITIONAL_OR_KEYWORD},
	}}
}

// processorsByAge gives all processors, the oldest first.
func processorsByAge(view kv.View) []*messages.Object {
	found := all(view, messages.Kind_KIND_PROCESSOR)
	sortBy(found, func(a, b *messages.Object) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), strings.Compare(a.Name, b.Name))
	})
	return found
}

// configureProcessor tells its partition what has changed of a processor.
func (c *change) configureProcessor(o *messages.Object) {
	if o.Status != Deleting {
		c.tell(messages.GroupID(o.GetProcessor().Partition), o, processorConfiguration(o))
	}
}

// processorConfiguration is what a partition needs of a processor.
func processorConfiguration(o *messages.Object) *messages.ConfigureProcessor {
	serving, pending := Serving(o)
	p := serving.GetProcessor()
	configuration := &messages.ConfigureProcessor{
		Processor: o.Id, Name: o.Name, Commit: p.ResolvedCommit, Status: o.RequestedStatus, Message: o.Message,
		Retries: p.Retries, Retrydelay: p.Retrydelay, Timelimit: p.Timelimit, Ratelimit: p.Ratelimit,
		BuiltinEcho: p.BuiltinEcho, Module: p.Module, NoRetry: p.NoRetry,
	}
	if pending && o.Status == Running {
		configuration.Message = "" // it is about code that no call waits for
	}
	if o.Status == Failed || o.Status == Stopped {
		configuration.Status = o.Status // a processor that is not enabled is stopped, whatever was requested
	}
	return configuration
}
