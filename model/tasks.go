package model

import (
	"slices"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// checkFunctions refuses functions that cannot be the tasks of a processor:
// two of one name, or one gone that sockets still lead to.
func (c *change) checkFunctions(op string, processor *messages.Object, functions []*messages.Function) *messages.Error {
	for i, f := range functions {
		if f.Name == "" || slices.ContainsFunc(functions[:i], func(g *messages.Function) bool { return g.Name == f.Name }) {
			return messages.Errorf(messages.Invalid, op, processor.Name, "function %q is nameless or there twice", f.Name)
		}
		for j, p := range f.Parameters {
			if p.Name == "" || slices.ContainsFunc(f.Parameters[:j], func(q *messages.Parameter) bool { return q.Name == p.Name }) {
				return messages.Errorf(messages.Invalid, op, processor.Name, "argument %q of function %s is nameless or there twice", p.Name, f.Name)
			}
		}
	}
	for _, task := range c.vanished(processor, functions) {
		sockets := referring(c, reference{task.Kind, task.Id}, messages.Kind_KIND_SOCKET)
		if len(sockets) > 0 {
			return messages.Errorf(messages.Conflict, op, processor.Name, "its module has no function %s any more, which sockets lead to: %s",
				task.GetTask().Function, listed(namesOf(sockets))).
				WithHint("delete them first; the module has: %s", listed(functionNames(functions)))
		}
	}
	if plugs := c.plugsWithout(processor, functions); len(plugs) > 0 {
		return messages.Errorf(messages.Conflict, op, processor.Name, "its functions lack arguments that plugs lead to: %s", listed(namesOf(plugs))).
			WithHint("delete these plugs first, or update their arguments")
	}
	return nil
}

func functionNames(functions []*messages.Function) []string {
	var out []string
	for _, f := range functions {
		out = append(out, f.Name)
	}
	slices.Sort(out)
	return out
}

// vanished gives the tasks of a processor whose function is gone.
func (c *change) vanished(processor *messages.Object, functions []*messages.Function) []*messages.Object {
	return slices.DeleteFunc(c.tasks(processor.Id), func(task *messages.Object) bool {
		return slices.ContainsFunc(functions, func(f *messages.Function) bool { return f.Name == task.GetTask().Function })
	})
}

func (c *change) tasks(processor string) []*messages.Object {
	return referring(c, reference{messages.Kind_KIND_PROCESSOR, processor}, messages.Kind_KIND_TASK)
}

// taskID is the same whenever the function comes back.
func taskID(processor, function string) string { return derive(processor, "task", function) }

// setFunctions makes the tasks of a processor be the functions. A task's name
// is PROCESSOR.FUNCTION, so that it is unique in the network: several
// processors may run the same module.
func (c *change) setFunctions(processor *messages.Object, functions []*messages.Function) {
	for _, task := range c.vanished(processor, functions) {
		c.removeTask(task)
	}
	for _, f := range functions {
		id := taskID(processor.Id, f.Name)
		task := &messages.Task{Processor: processor.Id, Module: processor.GetProcessor().Module, Function: f.Name, Source: f.Source, Doc: f.Doc, Code: f.Code, Mixin: f.Mixin}
		task.Gitrepo, _ = withoutCredentials(processor.GetProcessor().Gitrepo)
		o := c.made(processor, messages.Kind_KIND_TASK, id, processor.Name+"."+f.Name)
		o.Spec = &messages.Object_Task{Task: task}
		c.save(o)
		c.reply.Objects = append(c.reply.Objects, o)
		c.setParameters(o, f.Parameters)
	}
}

// made is an object that the model makes because of another one.
func (c *change) made(by *messages.Object, kind messages.Kind, id, name string) *messages.Object {
	return &messages.Object{Id: id, Name: name, Kind: kind, Owner: by.Owner, Status: Ready, RequestedStatus: Ready, Enabled: true}
}

// setParameters makes the arguments of a task be the parameters.
func (c *change) setParameters(task *messages.Object, parameters []*messages.Parameter) {
	for _, argument := range TaskArguments(c, task.Id) {
		if !slices.ContainsFunc(parameters, func(p *messages.Parameter) bool { return p.Name == argument.Name }) {
			c.remove(argument)
		}
	}
	for i, p := range parameters {
		o := c.made(task, messages.Kind_KIND_ARGUMENT, derive(task.Id, "argument", p.Name), p.Name)
		o.Spec = &messages.Object_Argument{Argument: &messages.Argument{
			Task: task.Id, Position: int32(i), Kind: p.Kind, HasDefault: p.HasDefault, DefaultText: p.DefaultText,
		}}
		c.save(o)
		c.reply.Objects = append(c.reply.Objects, o)
	}
}

func (c *change) removeTask(task *messages.Object) {
	c.removeReferring(reference{task.Kind, task.Id}, messages.Kind_KIND_ARGUMENT)
	c.remove(task)
}

// taskOf finds the task of a processor that a person means: by the function's
// name, or by the task's name or id.
func (c *change) taskOf(op, subject string, processor *messages.Object, name string) (*messages.Object, *messages.Error) {
	tasks := c.tasks(processor.Id)
	var functions []string
	for _, task := range tasks {
		function := task.GetTask().Function
		if name == function || name == task.Name || name == task.Id || name == task.GetTask().Module+"."+function {
			return task, nil
		}
		functions = append(functions, function)
	}
	if name == "" {
		return nil, messages.Errorf(messages.Invalid, op, subject, "it names no function").
			WithHint("processor %s has: %s", processor.Name, listed(functions))
	}
	sortByCloseness(functions, name[strings.LastIndex(name, ".")+1:])
	return nil, messages.Errorf(messages.NotFound, op, subject, "processor %s has no function %q", processor.Name, name).
		WithHint("it has: %s", listed(functions))
}
