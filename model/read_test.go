package model

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestListGivesPagesInTheOrderOfNames(t *testing.T) {
	w := founded(t, 4)
	for _, i := range []int{3, 1, 4, 0, 2} {
		w.do(queue(fmt.Sprint("q", i)))
	}
	first, total := List(w.state, messages.Kind_KIND_QUEUE, Filter{}, "", 2)
	if names := namesOf(first); !slices.Equal(names, []string{"q0", "q1"}) || total != 5 {
		t.Errorf("first page %v of %d", names, total)
	}
	second, total := List(w.state, messages.Kind_KIND_QUEUE, Filter{}, first[1].Id, 2)
	if names := namesOf(second); !slices.Equal(names, []string{"q2", "q3"}) || total != 5 {
		t.Errorf("second page %v of %d", names, total)
	}
	last, _ := List(w.state, messages.Kind_KIND_QUEUE, Filter{}, "q3", 2)
	if names := namesOf(last); !slices.Equal(names, []string{"q4"}) {
		t.Errorf("last page %v", names)
	}
}

func TestListFilters(t *testing.T) {
	w := founded(t, 2, 2)
	w.sample()
	w.do(processor("p2", 1, "f"))
	w.do(queue("q2"))
	w.do(socket("u", "q2", "p2", "f"))
	w.do(&messages.Report{Node: "node-a", Boot: 1, Workers: []*messages.Object{worker("p", 1), worker("p2", 2)}})
	w.ask("p2", Stopped)
	for _, test := range []struct {
		kind   messages.Kind
		filter string
		want   []string
	}{
		{messages.Kind_KIND_SOCKET, "processor=p", []string{"s", "t"}},
		{messages.Kind_KIND_SOCKET, "queue=q2", []string{"u"}},
		{messages.Kind_KIND_SOCKET, "processor=p, queue=q2", nil},
		{messages.Kind_KIND_SOCKET, "processor=unknown", nil},
		{messages.Kind_KIND_TASK, "processor=" + id("processor p"), []string{"p.f", "p.g"}},
		{messages.Kind_KIND_ARGUMENT, "task=p.g", []string{"args", "message"}},
		{messages.Kind_KIND_PROCESSOR, "status=stopped", []string{"p2"}},
		{messages.Kind_KIND_PROCESSOR, "", []string{"p", "p2"}},
		{messages.Kind_KIND_WORKER, "node=a,processor=p2", []string{"p2@a.2"}},
		{messages.Kind_KIND_DEPLOYMENT, "node=b", []string{"p@b"}},
		{messages.Kind_KIND_NODE, "node=b", []string{"b"}},
		{messages.Kind_KIND_QUEUE, "owner=bob", nil},
		{messages.Kind_KIND_QUEUE, "name=2", []string{"q2"}},
	} {
		filter, err := ParseFilter(test.filter)
		if err != nil {
			t.Fatal(err)
		}
		page, total := List(w.state, test.kind, filter, "", 0)
		if names := namesOf(page); !slices.Equal(names, test.want) && len(names)+len(test.want) > 0 || total != len(test.want) {
			t.Errorf("%s where %s: %v of %d, want %v", noun(test.kind), test.filter, names, total, test.want)
		}
	}
	for _, wrong := range []string{"colour=red", "owner", "owner=", "status=up,owner="} {
		if _, err := ParseFilter(wrong); !errors.Is(err, messages.Invalid) {
			t.Errorf("filter by %s: %v", wrong, err)
		}
	}
}

func TestNearestGivesTheClosestFirst(t *testing.T) {
	w := founded(t, 4)
	for _, name := range []string{"orders", "order", "pyfi.processors.sample.do_this", "pyfi.processors.sample.do_something", "zebra", "mail", "males"} {
		w.do(queue(name))
	}
	for name, want := range map[string]string{
		"ordres": "orders", "do_this": "pyfi.processors.sample.do_this", "pyfi.processors.sample.do_that": "pyfi.processors.sample.do_this", "MAIL": "mail",
	} {
		near := Nearest(w.state, messages.Kind_KIND_QUEUE, name)
		if len(near) == 0 || near[0] != want {
			t.Errorf("nearest to %s: %v, want %s first", name, near, want)
		}
	}
	for name, want := range map[string][]string{"ordres": {"order", "orders"}, "do_this": {"pyfi.processors.sample.do_this"}, "nonesuch": nil} {
		near := Nearest(w.state, messages.Kind_KIND_QUEUE, name)
		if slices.Sort(near); !slices.Equal(near, want) {
			t.Errorf("like %s: %v, want %v and nothing far off", name, near, want)
		}
	}
}

func TestMembersSayWhoIsDownSinceWhen(t *testing.T) {
	w := founded(t, 1, 1)
	w.do(&messages.NodeDown{Node: "node-b", Boot: 1})
	members := Members(w.state)
	if len(members) != 2 || !members[0].Up || members[1].Up || members[1].DownSince != w.now {
		t.Errorf("members: %v", members)
	}
}
