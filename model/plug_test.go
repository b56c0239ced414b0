package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// plug is written as "SOURCE TYPE TARGET ARGUMENT"; the last may be absent.
func plug(name, text string) *messages.Create {
	f := append(strings.Fields(text), "")
	return &messages.Create{Object: &messages.Object{Id: id("plug " + name), Name: name, Kind: messages.Kind_KIND_PLUG, Owner: "ann",
		Spec: &messages.Object_Plug{Plug: &messages.Plug{Source: f[0], Type: f[1], Target: f[2], Argument: f[3]}}}}
}

// told gives what the partition of a socket was told of it last.
func (w *world) told(socket string) *messages.ConfigureSocket {
	w.t.Helper()
	o := w.get(messages.Kind_KIND_SOCKET, socket)
	var last *messages.ConfigureSocket
	for _, m := range w.sent(messages.GroupID(o.GetSocket().Partition)) {
		if c, ok := m.(*messages.ConfigureSocket); ok && c.Socket == o.Id {
			last = c
		}
	}
	return last
}

// across is a network with sockets s and t in one partition, and u in another.
func across(t *testing.T) *world {
	w := founded(t, 8)
	w.sample()
	w.do(processor("far", 1, "h"))
	w.do(socket("u", "q", "far", "h"))
	return w
}

func TestPlugIsToldToBothPartitions(t *testing.T) {
	w := across(t)
	changed := w.do(plug("a", "s RESULT u message"))
	if len(changed.Deliveries) != 2 {
		t.Errorf("it waits for %v", changed.Deliveries)
	}
	from, to := w.told("s"), w.told("u")
	u := w.get(messages.Kind_KIND_SOCKET, "u")
	want := &messages.PlugTo{Plug: id("plug a"), Name: "a", Type: "RESULT", Target: u.Id, TargetName: "u", Partition: u.GetSocket().Partition, Argument: "message"}
	if len(from.Plugs) != 1 || !proto.Equal(from.Plugs[0], want) || len(from.Parameters) != 0 {
		t.Errorf("the source's partition was told %v", from)
	}
	if len(to.Incoming) != 1 || to.Incoming[0].SourceName != "s" || len(to.Parameters) != 2 || to.Parameters[0].Name != "message" {
		t.Errorf("the target's partition was told %v", to)
	}
	w.do(&messages.Delete{Kind: messages.Kind_KIND_PLUG, Name: "a"})
	if from, to := w.told("s"), w.told("u"); len(from.Plugs)+len(to.Incoming)+len(to.Parameters) != 0 {
		t.Errorf("after its deletion they were told %v, %v", from, to)
	}
}

func TestPlugsInACycleAreMarked(t *testing.T) {
	w := across(t)
	w.do(plug("a", "s RESULT t"))
	w.do(plug("b", "t RESULT u"))
	cyclic := func() (names string) {
		for _, s := range []string{"s", "t", "u"} {
			for _, p := range w.told(s).Plugs {
				names += fmt.Sprintf("%s:%v ", p.Name, p.Cyclic)
			}
		}
		return strings.TrimSpace(names)
	}
	if got := cyclic(); got != "a:false b:false" {
		t.Errorf("cycles: %s", got)
	}
	w.do(plug("c", "u ERROR t"))
	if got := cyclic(); got != "a:false b:true c:true" {
		t.Errorf("cycles: %s", got)
	}
	w.do(&messages.Delete{Kind: messages.Kind_KIND_PLUG, Name: "b"})
	if got := cyclic(); got != "a:false c:false" {
		t.Errorf("cycles: %s", got)
	}
}

func TestIncomingPlugsKeepTheOrderInWhichTheyWereAdded(t *testing.T) {
	w := across(t)
	w.do(plug("z", "s RESULT u"))
	w.do(plug("a", "t RESULT u"))
	w.do(&messages.Update{Kind: messages.Kind_KIND_PLUG, Name: "z", Fields: []string{"plug.type"},
		Object: &messages.Object{Spec: &messages.Object_Plug{Plug: &messages.Plug{Type: "ERROR"}}}})
	var names []string
	for _, p := range w.told("u").Incoming {
		names = append(names, p.Name)
	}
	if !slices.Equal(names, []string{"z", "a"}) || w.told("s").Plugs[0].Type != "ERROR" {
		t.Errorf("plugs %v", names)
	}
}

func TestPlugThatLeadsElsewhereIsTakenFromItsOldTarget(t *testing.T) {
	w := across(t)
	w.do(plug("a", "s RESULT u"))
	w.do(&messages.Update{Kind: messages.Kind_KIND_PLUG, Name: "a", Fields: []string{"plug.target"},
		Object: &messages.Object{Spec: &messages.Object_Plug{Plug: &messages.Plug{Target: "t"}}}})
	if len(w.told("u").Incoming) != 0 || len(w.told("t").Incoming) != 1 || w.told("s").Plugs[0].TargetName != "t" {
		t.Error("the partitions were told something else")
	}
}

// TestPlugGoesByTheQueueOfItsTarget: also when it leads elsewhere from now on,
// unless its own queue is named.
func TestPlugGoesByTheQueueOfItsTarget(t *testing.T) {
	w := across(t)
	w.do(queue("other"))
	w.do(socket("v", "other", "far", "h"))
	leads := func(to, queue string, fields ...string) string {
		w.do(&messages.Update{Kind: messages.Kind_KIND_PLUG, Name: "a", Fields: fields,
			Object: &messages.Object{Spec: &messages.Object_Plug{Plug: &messages.Plug{Target: to, Queue: queue}}}})
		return w.get(messages.Kind_KIND_QUEUE, w.get(messages.Kind_KIND_PLUG, "a").GetPlug().Queue).Name
	}
	w.do(plug("a", "s RESULT u"))
	if got := leads("v", "", "plug.target"); got != "other" {
		t.Errorf("it goes by queue %s", got)
	}
	if got := leads("u", "other", "plug.target", "plug.queue"); got != "other" {
		t.Errorf("it goes by queue %s", got)
	}
	if got := leads("t", "", "plug.target"); got != "other" {
		t.Errorf("a queue that was named is lost: it goes by %s", got)
	}
}

func TestBadPlugsAreRefused(t *testing.T) {
	w := across(t)
	w.refused(plug("a", "s RESULT u nothing"), messages.Invalid, "nothing", "message")
	w.refused(plug("a", "s RESULT u args"), messages.Invalid, "args")
	w.refused(plug("a", "s SOMETIMES u"), messages.Invalid, "SOMETIMES", "ERROR")
	w.refused(plug("a", "nowhere RESULT u"), messages.NotFound, "nowhere")
	w.refused(plug("a", "s RESULT nowhere"), messages.NotFound, "nowhere")
	w.do(plug("a", "s RESULT u"))
	other := plug("a", "t RESULT u")
	other.Object.Id = id("another")
	w.refused(other, messages.Conflict, "a")
	w.refused(&messages.Update{Kind: messages.Kind_KIND_PLUG, Name: "a", Fields: []string{"plug.argument"},
		Object: &messages.Object{Spec: &messages.Object_Plug{Plug: &messages.Plug{Argument: "nothing"}}}}, messages.Invalid, "nothing")
}

// TestHintsOfPlugsFitTheFunction: what a function takes says what is to be done.
func TestHintsOfPlugsFitTheFunction(t *testing.T) {
	w := across(t)
	functions := functionsNamed("none", "byname", "byplace", "only")
	functions[0].Parameters = nil
	functions[1].Parameters = []*messages.Parameter{{Name: "rest", Kind: messages.ArgumentKind_VAR_KEYWORD}}
	functions[2].Parameters = []*messages.Parameter{{Name: "rest", Kind: messages.ArgumentKind_VAR_POSITIONAL}}
	functions[3].Parameters = []*messages.Parameter{{Name: "one", Kind: messages.ArgumentKind_KEYWORD_ONLY}}
	more := processor("more", 1)
	more.Functions = functions
	w.do(more)
	for _, f := range functions {
		w.do(socket(f.Name, "q", "more", f.Name))
	}
	for text, words := range map[string][]string{
		"s RESULT none":         {"takes no arguments", "a function that takes an argument"},
		"s RESULT none two":     {"takes no arguments"},
		"s RESULT byname":       {"by name", "it takes any"},
		"s RESULT byplace two":  {`no argument "two"`, "by their place"},
		"s RESULT only":         {"no first argument", "name an argument: one"},
		"s RESULT only another": {`no argument "another"`, "it has: one"},
	} {
		w.refused(plug("p", text), messages.Invalid, words...)
	}
	w.do(plug("p", "s RESULT byname anything"))
	w.do(plug("r", "s RESULT byplace"))
}

func TestWhatPlugsNeedIsNotDeletedWithoutForce(t *testing.T) {
	w := across(t)
	w.do(plug("a", "s RESULT u message"))
	w.refused(&messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: "u"}, messages.Conflict, "plugs need it: a")
	w.refused(&messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: "s"}, messages.Conflict, "plugs need it: a")
	fewer := functionsNamed("h")
	fewer[0].Parameters[0].Name = "text"
	w.refused(&messages.Update{Kind: messages.Kind_KIND_PROCESSOR, Name: "far", Functions: fewer}, messages.Conflict, "lack arguments", "a")
	w.do(&messages.Delete{Kind: messages.Kind_KIND_PROCESSOR, Name: "far", Force: true})
	if _, ok := Get(w.state, messages.Kind_KIND_PLUG, "a"); ok || len(w.told("s").Plugs) != 0 {
		t.Error("the plug outlived its target")
	}
}

func TestNewParametersAreToldToTheGate(t *testing.T) {
	w := across(t)
	w.do(plug("a", "s RESULT u message"))
	more := functionsNamed("h")
	more[0].Parameters = append(more[0].Parameters, &messages.Parameter{Name: "two", Kind: messages.ArgumentKind_KEYWORD_ONLY},
		&messages.Parameter{Name: "plugs", Kind: messages.ArgumentKind_KEYWORD_ONLY})
	w.do(&messages.Update{Kind: messages.Kind_KIND_PROCESSOR, Name: "far", Functions: more})
	if told := w.told("u"); len(told.Parameters) != 3 || told.Parameters[2].Name != "two" {
		t.Errorf("told %v", told.Parameters)
	}
}

func TestPlugsOfASocketAreBounded(t *testing.T) {
	w := across(t)
	for i := range messages.MaxPlugs {
		w.do(plug(fmt.Sprint(i), "s RESULT t"))
	}
	w.refused(plug("more", "s RESULT u"), messages.Exhausted, "64 plugs lead from socket s", "as many plugs may lead on from there")
	w.refused(plug("more", "u RESULT t"), messages.Exhausted, "64 plugs lead to socket t", "another socket of the same function")
}
