package model

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

func TestNothingGoesBeforeTheNetworkIsFounded(t *testing.T) {
	w := newWorld(t)
	w.refused(queue("q"), messages.Unavailable, "no network")
	w.refused(&messages.NodeUp{Node: nodeInfo("a", 1, 2)}, messages.Unavailable)
	w.refused(&messages.Found{NetworkId: "net", Name: "net", Partitions: 0, Founder: nodeInfo("a", 1, 2)}, messages.Invalid, "partitions")
}

func TestFoundMakesGroupsWithTheFounderAlone(t *testing.T) {
	w := founded(t, 4)
	if id, partitions, ok := Network(w.state); id != "net" || partitions != 2 || !ok {
		t.Errorf("network %q with %d partitions, %t", id, partitions, ok)
	}
	placed := Groups(w.state)
	if len(placed) != 3 {
		t.Fatalf("%d groups, want the meta group and 2 partitions", len(placed))
	}
	for i, g := range placed {
		want := &messages.GroupPlacement{Group: uint32(i), Version: 1, Replicas: []*messages.Replica{
			{Node: "node-a", Incarnation: 1, Voter: true, Founder: true}}}
		if !proto.Equal(g, want) {
			t.Errorf("group %d: %v", i, g)
		}
	}
	if w.get(messages.Kind_KIND_AGENT, "a").GetAgent().Port != 4000 || w.get(messages.Kind_KIND_NODE, "a").Status != Up {
		t.Error("the founder's node and agent are not as it said")
	}
	for _, kind := range []messages.Kind{messages.Kind_KIND_NODE, messages.Kind_KIND_AGENT} {
		if owner := w.get(kind, "a").Owner; owner != "joe" {
			t.Errorf("%v belongs to %q, want the user who runs it", kind, owner)
		}
	}
	w.do(&messages.Found{NetworkId: "net", Name: "net", Partitions: 2, Founder: nodeInfo("a", 1, 2)})
	w.refused(&messages.Found{NetworkId: "other", Name: "net", Partitions: 2, Founder: nodeInfo("a", 1, 2)}, messages.Conflict, "net")
}

func TestUnknownCommandStopsTheReplica(t *testing.T) {
	if _, err := (Machine{}).Apply(kv.NewMap(), 1, 1, messages.Command{Type: 999}); err == nil {
		t.Error("an unknown command was applied")
	}
	if _, err := (Machine{}).Apply(kv.NewMap(), 1, 1, messages.Command{Type: messages.CommandCreate, Body: []byte{0xff}}); err == nil {
		t.Error("a malformed command was applied")
	}
}

func TestPartitionCommandIsRefused(t *testing.T) {
	founded(t, 1).refused(&messages.Tick{}, messages.Invalid, "for partitions")
}

func TestDeliveredCommandCountsOnce(t *testing.T) {
	w := founded(t, 1)
	w.do(queue("q"))
	length := func(n int64) proto.Message {
		return &messages.Update{Kind: messages.Kind_KIND_QUEUE, Name: "q", Fields: []string{"queue.max_length"},
			Object: &messages.Object{Spec: &messages.Object_Queue{Queue: &messages.Queue{MaxLength: n}}}}
	}
	inner, err := messages.NewCommand(length(5))
	if err != nil {
		t.Fatal(err)
	}
	deliver := &messages.Deliver{From: 1, Seq: 1, Type: uint32(inner.Type), Command: inner.Body}
	for _, step := range []struct {
		m    proto.Message
		want int64
	}{{deliver, 5}, {length(7), 7}, {deliver, 7}} {
		w.do(step.m)
		if got := w.get(messages.Kind_KIND_QUEUE, "q").GetQueue().MaxLength; got != step.want {
			t.Errorf("after %T: %d, want %d", step.m, got, step.want)
		}
	}
	w.refused(&messages.Deliver{From: 1, Seq: 3, Type: uint32(inner.Type), Command: inner.Body}, messages.Conflict)
	nested, err := messages.NewCommand(deliver)
	if err != nil {
		t.Fatal(err)
	}
	w.refused(&messages.Deliver{From: 1, Seq: 2, Type: uint32(nested.Type), Command: nested.Body}, messages.Invalid)
}
