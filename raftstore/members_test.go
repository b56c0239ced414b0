package raftstore_test

import (
	"testing"

	"github.com/elasticcode/flow/raftstore"
)

func TestMembersComeAndGo(t *testing.T) {
	n, nodes := trio(t, nil)
	a, c := nodes[0], nodes[2]
	a.must("add x 1")
	voters := func() (v int) {
		for _, m := range a.group.Members() {
			if m.Voter {
				v++
			}
		}
		return v
	}
	if len(a.group.Members()) != 3 || voters() != 3 {
		t.Fatalf("members %v", a.group.Members())
	}
	if err := a.group.Demote(patience(t), "c", 1); err != nil || voters() != 2 {
		t.Fatalf("demoted: %v, members %v", err, a.group.Members())
	}
	if err := a.group.RemoveMember(patience(t), "c", 1); err != nil || len(a.group.Members()) != 2 {
		t.Fatalf("removed: %v, members %v", err, a.group.Members())
	}
	if err := c.store.RemoveGroup(patience(t), testGroup, 1); err != nil {
		t.Fatal(err)
	}
	if left, _ := c.store.Groups(); len(left) != 0 || c.store.Group(testGroup) != nil {
		t.Errorf("left over: %v", left)
	}
	if got := c.get("x"); got != "" {
		t.Errorf("state left over: %s", got)
	}

	d := newNode(t, n, "d")
	d.start(false)
	join(t, a, d)
	a.must("add x 1")
	agree(t, a, nodes[1], d)
}

// TestWipedMemberReturnsUnderANewIncarnation: its old id has voted, and counted
// towards majorities, for entries that it no longer holds.
func TestWipedMemberReturnsUnderANewIncarnation(t *testing.T) {
	n, nodes := trio(t, nil)
	a, c := nodes[0], nodes[2]
	for range 10 {
		a.must("add x 1")
	}
	c.stop()
	c.dir, c.kv = t.TempDir(), raftstore.NewMemory()
	c.config.Dir, c.incarnation = c.dir, 2
	c.start(false)
	if err := a.group.AddNonvoter(patience(t), "c", 2); err == nil {
		t.Error("one node has two replicas")
	}
	if err := a.group.RemoveMember(patience(t), "c", 1); err != nil {
		t.Fatal(err)
	}
	join(t, a, c)
	a.must("add x 1")
	agree(t, nodes...)
	n.isolate("a", true)
	if got := leader(t, nodes[1], c).must("add x 1"); got != "12" {
		t.Errorf("sum %s", got)
	}
}

func TestRemovedLeaderStepsDown(t *testing.T) {
	_, nodes := trio(t, nil)
	a := nodes[0]
	a.must("add x 1")
	if err := a.group.RemoveMember(patience(t), "a", 1); err != nil {
		t.Fatal(err)
	}
	if got := leader(t, nodes[1], nodes[2]).must("add x 1"); got != "2" {
		t.Errorf("sum %s", got)
	}
	eventually(t, "a follows", func() bool { return !a.group.IsLeader() && a.diary.has("following") })
}
