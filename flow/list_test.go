package flow

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

func namesOf(p *messages.CallPage, view kv.View) (names []string) {
	for _, c := range p.Calls {
		full, _ := GetCall(view, messages.CallIDFrom(c.Id), true, 0)
		names = append(names, nameOf([]*messages.Start{{Arguments: full.Arguments}})...)
	}
	return names
}

func TestListIsNewestFirstAndPaged(t *testing.T) {
	w := newWorld(t)
	w.send("A", "a", "b")
	w.batch("A", "block", 3)
	w.send("A", "c")
	q := &messages.ListCallsRequest{Rows: 4}
	first := ListCalls(w.state, q, nil, 0, w.now)
	if got := namesOf(first, w.state); !slices.Equal(got, []string{"c", "2", "1", "0"}) || first.Total != 6 {
		t.Errorf("page 1: %v of %d", got, first.Total)
	}
	second := ListCalls(w.state, q, first.Next, 0, w.now)
	if got := namesOf(second, w.state); !slices.Equal(got, []string{"b", "a"}) || second.Next != nil {
		t.Errorf("page 2: %v, next %v", got, second.Next)
	}
	if got := namesOf(ListCalls(w.state, q, nil, 4, w.now), w.state); !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("page 2 by number: %v", got)
	}
	q.Ascend = true
	if got := namesOf(ListCalls(w.state, q, nil, 1, w.now), w.state); !slices.Equal(got, []string{"b", "0", "1", "2"}) {
		t.Errorf("oldest first: %v", got)
	}
}

func TestListOfAnUnknownStateOrRunIsEmpty(t *testing.T) {
	w := newWorld(t)
	w.send("A", "a")
	for _, q := range []*messages.ListCallsRequest{{States: []string{"sleeping"}}, {Tracking: "x"}, {Tracking: id("none").String()}, {Socket: "nowhere"}} {
		if p := ListCalls(w.state, q, nil, 0, w.now); p.Total != 0 || len(p.Calls) != 0 {
			t.Errorf("%v: %v", q, p)
		}
	}
}

func TestListOfARunHoldsItsRootAndWhatFollowed(t *testing.T) {
	w := newWorld(t)
	w.send("A", "root", "other")
	for _, name := range []string{"child", "grandchild"} {
		e := enqueueOf("A", name)
		e.Tracking, e.Parent = id("root").Bytes(), id("root").Bytes()
		w.do(e)
	}
	b := &messages.EnqueueBatch{First: id("b").Bytes(), Socket: "A", Arguments: []*messages.Arguments{jsonArgs("0"), jsonArgs("1")}, Tracking: id("root").Bytes()}
	w.do(b)
	q := &messages.ListCallsRequest{Tracking: id("root").String(), Ascend: true}
	p := ListCalls(w.state, q, nil, 0, w.now)
	if got := namesOf(p, w.state); !slices.Equal(got, []string{"root", "child", "grandchild", "0", "1"}) || p.Total != 5 {
		t.Errorf("run: %v of %d", got, p.Total)
	}
	w.grant("n1/1", "0", 1)
	w.ok(Leases(w.state, "")[0])
	q.States, q.Results = []string{"Finished"}, true
	if p = ListCalls(w.state, q, nil, 0, w.now); len(p.Calls) != 1 || p.Total != 1 || string(p.Calls[0].Result) != `"done"` {
		t.Errorf("finished calls of the run: %v", p)
	}
	if c := w.get("child"); string(c.Tracking) != string(id("root").Bytes()) || string(c.Parent) != string(id("root").Bytes()) {
		t.Errorf("call is %v", c)
	}
}

// TestListOfAMillionCallsIsQuick holds page 2 of a long list to a bound that is
// far above what it needs and far below what reading the list would.
func TestListOfAMillionCallsIsQuick(t *testing.T) {
	state := kv.NewMap()
	m := &Machine{Group: partitionOfTests}
	apply := func(c messages.Command, err error) {
		if err != nil {
			t.Fatal(err)
		}
		over := kv.NewOverlay(state)
		if r, err := m.Apply(over, 1, aMomentAgo, c); err != nil || r.Reply.Error != nil {
			t.Fatal(err, r.Reply)
		}
		state.Commit(over)
	}
	apply(messages.NewCommand(&messages.ConfigureSocket{Socket: "A", Name: "a", Processor: "P"}))
	const batches = 245
	b := &messages.EnqueueBatch{Socket: "A", Arguments: make([]*messages.Arguments, messages.MaxBatch)}
	for i := range batches {
		b.First = id(fmt.Sprint(i)).Bytes()
		apply(messages.NewCommand(b))
	}
	for _, q := range []*messages.ListCallsRequest{{}, {Socket: "A"}, {Unfinished: true}, {States: []string{"queued"}}, {States: []string{"failed"}}, {Ascend: true}} {
		begin := time.Now()
		p := ListCalls(state, q, nil, 10, aMomentAgo)
		if took := time.Since(begin); took > 50*time.Millisecond {
			t.Errorf("%v took %s", q, took)
		}
		if want := int64(batches * messages.MaxBatch); p.Total != want && len(q.States) == 0 {
			t.Errorf("%v: %d in all, want %d", q, p.Total, want)
		}
	}
}
