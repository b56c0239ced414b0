package model

import (
	"cmp"
	"slices"
	"strings"

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
	prefix := nameKey(messages.Kind_KIND_NETWORK, "")
	for _, id := range view.Scan(prefix, kv.PrefixEnd(prefix)) {
		o := load(view, messages.Kind_KIND_NETWORK, string(id))
		return o.Id, o.GetNetwork().Partitions, true
	}
	return "", 0, false
}

// Filter chooses objects: those that agree with all that is not empty. The
// objects that it names are given by name or id.
type Filter struct {
	Name      string // part of the name
	Status    string
	Owner     string
	Processor string
	Node      string
	Queue     string
	Task      string
	Socket    string
}

// ParseFilter reads a filter like "processor=NAME,status=running".
func ParseFilter(s string) (Filter, error) {
	var f Filter
	for part := range strings.SplitSeq(s, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		field, ok := map[string]*string{"": new(string), "name": &f.Name, "status": &f.Status, "owner": &f.Owner,
			"processor": &f.Processor, "node": &f.Node, "queue": &f.Queue, "task": &f.Task, "socket": &f.Socket}[key]
		if !ok || key == "" && value != "" {
			return Filter{}, messages.Errorf(messages.Invalid, "list", "", "%q cannot be filtered by", key).
				WithHint("filter by name, status, owner, processor, node, queue, task or socket, like status=running")
		}
		if key != "" && value == "" {
			return Filter{}, messages.Errorf(messages.Invalid, "list", "", "filter %s has no value", key).WithHint("%s=VALUE", key)
		}
		*field = value
	}
	return f, nil
}

// List gives a page of the objects of a kind in the order of their names: at
// most limit of those that come after one, given by name or id; "": from the
// first. total counts all that the filter lets pass.
func List(view kv.View, kind messages.Kind, filter Filter, after string, limit int) (page []*messages.Object, total int) {
	if limit <= 0 || limit > messages.MaxPageRows {
		limit = messages.MaxPageRows
	}
	start := after
	if o := load(view, kind, after); after != "" && o != nil {
		start = indexName(view, o)
	}
	accept := filter.on(view)
	prefix := nameKey(kind, "")
	for k, id := range view.Scan(prefix, kv.PrefixEnd(prefix)) {
		name := string(k[len(prefix):])
		o := load(view, kind, string(id))
		if !accept(o) {
			continue
		}
		total++
		if name > start && len(page) < limit {
			page = append(page, o)
		}
	}
	return page, total
}

// on gives the test that a filter is.
func (f Filter) on(view kv.View) func(o *messages.Object) bool {
	var wanted []reference
	for _, r := range []reference{
		{messages.Kind_KIND_PROCESSOR, f.Processor}, {messages.Kind_KIND_NODE, f.Node},
		{messages.Kind_KIND_QUEUE, f.Queue}, {messages.Kind_KIND_TASK, f.Task}, {messages.Kind_KIND_SOCKET, f.Socket},
	} {
		if r.id == "" {
			continue
		}
		if o := find(view, r.kind, r.id); o != nil {
			r.id = o.Id
		}
		wanted = append(wanted, r)
	}
	return func(o *messages.Object) bool {
		if f.Status != "" && o.Status != f.Status || f.Owner != "" && o.Owner != f.Owner || !strings.Contains(o.Name, f.Name) {
			return false
		}
		refers := references(o)
		for _, r := range wanted {
			if !slices.Contains(refers, r) && (o.Kind != r.kind || o.Id != r.id) {
				return false
			}
		}
		return true
	}
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
