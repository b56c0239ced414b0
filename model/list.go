package model

import (
	"iter"
	"slices"
	"strings"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

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
// first. total counts all that the filter lets pass. Without a filter it reads no
// more than the page, and with one that names an object what belongs to that one.
func List(view kv.View, kind messages.Kind, filter Filter, after string, limit int) (page []*messages.Object, total int) {
	if limit <= 0 || limit > messages.MaxPageRows {
		limit = messages.MaxPageRows
	}
	start := after
	if o := load(view, kind, after); after != "" && o != nil {
		start = indexName(view, o)
	}
	if filter == (Filter{}) {
		return pageAfter(view, kind, start, limit), counted(view, kindCount(kind))
	}
	accept := filter.on(view)
	for name, o := range filter.among(view, kind) {
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

func pageAfter(view kv.View, kind messages.Kind, start string, limit int) (page []*messages.Object) {
	from, end := nameKey(kind, start), kv.PrefixEnd(nameKey(kind, ""))
	if start != "" {
		from = append(from, 0) // the next name that there can be
	}
	for _, id := range view.Scan(from, end) {
		if page = append(page, load(view, kind, string(id))); len(page) == limit {
			break
		}
	}
	return page
}

// among gives the objects of a kind that a filter has to look at, with their names
// and in the order of these: if it names an object that they refer to, those that
// refer to it, otherwise all.
func (f Filter) among(view kv.View, kind messages.Kind) iter.Seq2[string, *messages.Object] {
	return func(yield func(string, *messages.Object) bool) {
		for _, to := range f.objects(view) {
			if to.kind == kind {
				continue // it may be the one
			}
			for _, o := range byIndexName(view, referring(view, to, kind)) {
				if !yield(indexName(view, o), o) {
					return
				}
			}
			return
		}
		prefix := nameKey(kind, "")
		for k, id := range view.Scan(prefix, kv.PrefixEnd(prefix)) {
			name := string(k[len(prefix):])
			if strings.Contains(name, f.Name) && !yield(name, load(view, kind, string(id))) {
				return
			}
		}
	}
}

// byIndexName puts objects of one kind in the order in which they are listed.
func byIndexName(view kv.View, found []*messages.Object) []*messages.Object {
	if len(found) > 0 && found[0].Kind == messages.Kind_KIND_ARGUMENT {
		slices.SortFunc(found, func(a, b *messages.Object) int { return strings.Compare(indexName(view, a), indexName(view, b)) })
	}
	return found
}

// objects gives what a filter names, those first to which the fewest refer.
func (f Filter) objects(view kv.View) (wanted []reference) {
	for _, r := range []reference{
		{messages.Kind_KIND_SOCKET, f.Socket}, {messages.Kind_KIND_TASK, f.Task}, {messages.Kind_KIND_QUEUE, f.Queue},
		{messages.Kind_KIND_NODE, f.Node}, {messages.Kind_KIND_PROCESSOR, f.Processor},
	} {
		if r.id == "" {
			continue
		}
		if o := find(view, r.kind, r.id); o != nil {
			r.id = o.Id
		}
		wanted = append(wanted, r)
	}
	return wanted
}

// on gives the test that a filter is.
func (f Filter) on(view kv.View) func(o *messages.Object) bool {
	wanted := f.objects(view)
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
