package model

import (
	"cmp"
	"slices"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Get gives the object of a kind with a name or an id. An argument's full name
// is TASK.ARGUMENT. It may hold credentials: see Redacted.
func Get(view kv.View, kind messages.Kind, name string) (*messages.Object, bool) {
	o := find(view, kind, name)
	return o, o != nil
}

// Network gives the network's id and the number of its partitions. ok is false
// before it is founded.
func Network(view kv.View) (id string, partitions uint32, ok bool) {
	o := network(view)
	return o.GetId(), o.GetNetwork().GetPartitions(), o != nil
}

func network(view kv.View) *messages.Object {
	prefix := nameKey(messages.Kind_KIND_NETWORK, "")
	for _, id := range view.Scan(prefix, kv.PrefixEnd(prefix)) {
		return load(view, messages.Kind_KIND_NETWORK, string(id))
	}
	return nil
}

// Assignment is what a node runs of a processor.
type Assignment struct {
	Processor  *messages.Object // with the code that serves
	Next       *messages.Object // with the code that is to take its place once it is known to start; nil: none
	Deployment *messages.Object
}

// Assignments gives what is placed on a node, by the deployment's name.
func Assignments(view kv.View, node messages.NodeID) []Assignment {
	var found []Assignment
	for _, d := range referring(view, reference{messages.Kind_KIND_NODE, string(node)}, messages.Kind_KIND_DEPLOYMENT) {
		o := load(view, messages.Kind_KIND_PROCESSOR, d.GetDeployment().Processor)
		a := Assignment{Deployment: d}
		if serving, pending := Serving(o); pending {
			a.Processor, a.Next = serving, o
		} else {
			a.Processor = o
		}
		found = append(found, a)
	}
	return found
}

// Candidates gives the processors whose slots may come to a node at any time,
// the oldest first: its environments for them are prepared beforehand.
func Candidates(view kv.View, node messages.NodeID) []*messages.Object {
	host := load(view, messages.Kind_KIND_NODE, string(node))
	if host == nil {
		return nil
	}
	found := slices.DeleteFunc(processorsByAge(view), func(o *messages.Object) bool {
		pin := o.GetProcessor().Hostname
		return wantedSlots(o) == 0 || pin != "" && pin != host.Name
	})
	for i, o := range found {
		found[i], _ = Serving(o)
	}
	return found
}

// TaskArguments gives the arguments of a task by their position.
func TaskArguments(view kv.View, task string) []*messages.Object {
	found := referring(view, reference{messages.Kind_KIND_TASK, task}, messages.Kind_KIND_ARGUMENT)
	sortBy(found, func(a, b *messages.Object) int {
		return cmp.Compare(a.GetArgument().Position, b.GetArgument().Position)
	})
	return found
}

// TaskOf gives the task that a socket leads to.
func TaskOf(view kv.View, socket *messages.Object) (*messages.Object, bool) {
	o := load(view, messages.Kind_KIND_TASK, socket.GetSocket().GetTask())
	return o, o != nil
}

// Tasks gives the tasks of a processor, by name.
func Tasks(view kv.View, processor string) []*messages.Object {
	return referring(view, reference{messages.Kind_KIND_PROCESSOR, processor}, messages.Kind_KIND_TASK)
}
