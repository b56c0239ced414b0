package model

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// place makes the replicas of a group be those on the named nodes; the first
// voters of them vote.
func (w *world) placeReplicas(group uint32, voters int, nodes ...string) {
	w.t.Helper()
	due := Groups(w.state)[group]
	change := &messages.PlaceGroup{Group: group, Expect: due.Version}
	for _, node := range nodes {
		r := &messages.Replica{Node: "node-" + node, Incarnation: due.Version + 1}
		for _, old := range due.Replicas {
			if old.Node == r.Node {
				r = proto.Clone(old).(*messages.Replica)
			}
		}
		change.Replicas = append(change.Replicas, r)
	}
	w.do(change)
	if voters == 0 {
		return
	}
	promoted := proto.Clone(change).(*messages.PlaceGroup)
	promoted.Expect = Groups(w.state)[group].Version
	for i, r := range promoted.Replicas {
		r.Voter = i < voters
	}
	w.do(promoted)
}

func (w *world) replicas(group uint32) (out string) {
	for _, r := range Groups(w.state)[group].Replicas {
		vote := ""
		if r.Voter {
			vote = "*"
		}
		out += fmt.Sprintf("%s%s ", r.Node, vote)
	}
	return out
}

func TestNodeGoesDownAndComesBack(t *testing.T) {
	w := founded(t, 2, 2)
	w.do(queue("q"))
	w.do(processor("p", 4, "f"))
	if w.deployed() != "p@a=2 p@b=2" {
		t.Fatal(w.deployed())
	}
	w.do(&messages.NodeDown{Node: "node-b", Boot: 0, Reason: "old news"})
	w.do(&messages.NodeDown{Node: "node-z", Boot: 1})
	if w.get(messages.Kind_KIND_NODE, "b").Status != Up {
		t.Error("an earlier boot's end took the node down")
	}
	w.do(&messages.NodeDown{Node: "node-b", Boot: 1, Reason: "no answer"})
	node := w.get(messages.Kind_KIND_NODE, "b")
	if node.Status != Down || node.Message != "no answer" || node.GetNode().DownSince != w.now || w.get(messages.Kind_KIND_AGENT, "b").Status != Down {
		t.Errorf("node: %v", node)
	}
	if p := w.processor("p").GetProcessor(); w.deployed() != "p@a=2" || p.Shortfall != 2 {
		t.Errorf("placed %s, short of %d", w.deployed(), p.Shortfall)
	}
	w.do(&messages.NodeUp{Node: nodeInfo("b", 2, 2)})
	if w.deployed() != "p@a=2 p@b=2" || w.get(messages.Kind_KIND_NODE, "b").GetNode().DownSince != 0 {
		t.Errorf("back: %s", w.deployed())
	}
	w.refused(&messages.NodeUp{Node: nodeInfo("b", 1, 2)}, messages.Conflict, "boot 1")
	version := w.get(messages.Kind_KIND_NODE, "b").Version
	w.do(&messages.NodeUp{Node: nodeInfo("b", 2, 2)})
	if w.get(messages.Kind_KIND_NODE, "b").Version != version {
		t.Error("the same news again raised the version")
	}
	troubled := nodeInfo("b", 2, 2)
	troubled.Trouble = "its clock is off"
	w.do(&messages.NodeUp{Node: troubled})
	if node := w.get(messages.Kind_KIND_NODE, "b"); node.Status != Up || node.Message != "its clock is off" {
		t.Errorf("in trouble: %v", node)
	}
}

func TestNewBootStartsItsSlotsAgain(t *testing.T) {
	w := founded(t, 2)
	w.sample()
	w.reports("a", "p", Running, 2, "")
	w.do(&messages.Report{Node: "node-a", Boot: 1, Workers: []*messages.Object{worker("p", 11)}})
	again := nodeInfo("a2", 2, 2)
	again.Id = "node-a"
	w.do(&messages.NodeUp{Node: again})
	d := w.get(messages.Kind_KIND_DEPLOYMENT, "p@a2")
	if d.GetDeployment().Cpus != 2 || d.GetDeployment().Running != 0 || d.Status != Starting || w.processor("p").Status != Starting {
		t.Errorf("deployment %v of processor %s", d, w.processor("p").Status)
	}
	if _, total := List(w.state, messages.Kind_KIND_WORKER, Filter{}, "", 0); total != 0 {
		t.Errorf("%d workers of the boot that is over", total)
	}
	w.do(&messages.Report{Node: "node-a", Boot: 1, Workers: []*messages.Object{worker("p", 11)}})
	if _, total := List(w.state, messages.Kind_KIND_WORKER, Filter{}, "", 0); total != 0 {
		t.Error("the boot that is over had its say")
	}
}

func worker(name string, pid int32) *messages.Object {
	return &messages.Object{Status: Running, Spec: &messages.Object_Worker{Worker: &messages.Worker{Processor: id("processor " + name), Process: pid}}}
}

func TestWipedNodeTakesItsOldNamesPlace(t *testing.T) {
	w := founded(t, 2, 2, 2, 2)
	w.placeReplicas(0, 3, "a", "b", "c", "d")
	w.placeReplicas(1, 0, "a", "b", "c")
	fresh := nodeInfo("c", 1, 2)
	fresh.Id = "node-new"
	w.refused(&messages.NodeUp{Node: fresh}, messages.Conflict, "node-c", "up")
	w.do(&messages.NodeDown{Node: "node-c", Boot: 1})
	w.do(&messages.NodeUp{Node: fresh})
	if o := w.get(messages.Kind_KIND_NODE, "c"); o.Id != "node-new" {
		t.Errorf("c is %s", o.Id)
	}
	if _, ok := Get(w.state, messages.Kind_KIND_NODE, "node-c"); ok {
		t.Error("the old node is still there")
	}
	if got := w.replicas(0); got != "node-a* node-b* node-c* node-d " {
		t.Errorf("meta: %s; want the lost vote kept until somebody takes it", got)
	}
	if got := w.replicas(1); got != "node-a* node-b " {
		t.Errorf("partition 1: %s; want the follower gone", got)
	}
}

func TestNodeIsRemovedOnlyWhenItIsDownAndNotNeeded(t *testing.T) {
	w := founded(t, 2, 2, 2)
	w.refused(&messages.NodeRemove{Node: "b"}, messages.Conflict, "up")
	w.refused(&messages.NodeRemove{Node: "x"}, messages.NotFound, "x", "a")
	w.do(&messages.NodeDown{Node: "node-b", Boot: 1})
	w.do(&messages.Delete{Kind: messages.Kind_KIND_NODE, Name: "b"})
	w.gone(messages.Kind_KIND_NODE, "b")
	w.gone(messages.Kind_KIND_AGENT, "b")
	w.refused(&messages.NodeUp{Node: nodeInfo("b", 2, 2)}, messages.Denied, "node-b", "removed")
	renamed := nodeInfo("b", 3, 2)
	renamed.Name = "d"
	w.refused(&messages.NodeUp{Node: renamed}, messages.Denied, "node-b", "removed")
	emptied := nodeInfo("b", 1, 2)
	emptied.Id = "node-new"
	w.do(&messages.NodeUp{Node: emptied})
	w.do(&messages.NodeDown{Node: "node-a", Boot: 1})
	w.refused(&messages.NodeRemove{Node: "a"}, messages.Conflict, "only voting copy")
}

func TestPlacementOfGroupsIsChecked(t *testing.T) {
	w := founded(t, 2, 2)
	due := Groups(w.state)[1]
	founder := due.Replicas[0]
	b := &messages.Replica{Node: "node-b", Incarnation: due.Version + 1}
	with := func(change func(r *messages.Replica)) *messages.Replica {
		r := proto.Clone(b).(*messages.Replica)
		change(r)
		return r
	}
	place := func(expect uint64, replicas ...*messages.Replica) *messages.PlaceGroup {
		return &messages.PlaceGroup{Group: 1, Expect: expect, Replicas: replicas}
	}
	w.refused(place(due.Version+1, founder, b), messages.Conflict, "version")
	w.refused(place(due.Version, founder, b, b), messages.Invalid, "two replicas")
	w.refused(place(due.Version, b), messages.Invalid, "0 voters")
	w.refused(place(due.Version, founder, with(func(r *messages.Replica) { r.Node = "node-x" })), messages.Invalid, "no node node-x")
	w.refused(place(due.Version, founder, with(func(r *messages.Replica) { r.Voter = true })), messages.Invalid, "caught up")
	w.refused(place(due.Version, founder, with(func(r *messages.Replica) { r.Founder = true })), messages.Invalid, "founder")
	w.refused(place(due.Version, founder, with(func(r *messages.Replica) { r.Incarnation = due.Version })), messages.Invalid, "incarnation")
	w.refused(place(due.Version, founder, with(func(r *messages.Replica) { r.Incarnation = 1 << 60 })), messages.Invalid, "incarnation")
	w.refused(&messages.PlaceGroup{Group: 7}, messages.NotFound, "0 to 2")
	w.do(place(due.Version, founder, b))
	if got := Groups(w.state)[1]; got.Version != w.index || len(got.Replicas) != 2 {
		t.Errorf("placement: %v", got)
	}
}

func TestOnlyTheLatestRemovedNodesAreRemembered(t *testing.T) {
	w := founded(t, 2)
	c := &change{Tx: kv.NewOverlay(w.state)}
	for c.index = 1; c.index <= maxRemoved+1; c.index++ {
		c.markRemoved(fmt.Sprint("node-", c.index))
	}
	if Removed(c, "node-1") || !Removed(c, "node-2") || !Removed(c, messages.NodeID(fmt.Sprint("node-", maxRemoved+1))) {
		t.Error("another one than the longest gone was forgotten")
	}
}
