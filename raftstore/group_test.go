package raftstore_test

import (
	"testing"
)

func TestProposalsAreReplicatedAndAnswered(t *testing.T) {
	_, nodes := trio(t, nil)
	a := nodes[0]
	for i := 1; i <= 10; i++ {
		if got := a.must("add x 1"); got != []string{"", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}[i] {
			t.Fatalf("sum %s after %d", got, i)
		}
	}
	agree(t, nodes...)
	for _, n := range nodes {
		if n.get("x") != "10" {
			t.Errorf("%s has %s", n.id, n.get("x"))
		}
		if n.diary.bad != "" {
			t.Error(n.diary.bad)
		}
	}
}
