package main

import (
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func drawnFlow(calls []*messages.CallInfo) string {
	_, roots := flowOf(calls)
	var lines []string
	for _, root := range roots {
		if root.drawn == nil {
			also := root.grow()
			drawn, _ := root.drawn.draw()
			lines = append(append(lines, drawn...), also...)
		}
	}
	return strings.Join(lines, "\n")
}

func TestFlowShowsEachSocketOnceWithItsCalls(t *testing.T) {
	calls := family("1 - root", "2 1 left", "3 1 left", "4 1 right", "5 2 join", "6 3 join")
	for i, state := range []string{"finished", "finished", "running", "failed", "finished", "finished"} {
		calls[i].State = state
	}
	calls[4].Parents = []string{"2", "4"} // formed at a gate
	want := `root (1 finished)
      └─────────────────┬─────────────────────────┐
          left (1 finished, 1 running)    right (1 failed)
                └───────────┐
                    join (2 finished)
right to join (1)`
	if got := drawnFlow(calls); got != want {
		t.Errorf("drawn is\n%s\nwant\n%s", got, want)
	}
}

func TestFlowOfACycleEnds(t *testing.T) {
	calls := family("1 - ping", "2 1 pong", "3 2 ping", "4 3 pong", "5 4 pong")
	for _, call := range calls {
		call.State = "finished"
	}
	want := `ping (2 finished)
      └───────────┐
          pong (3 finished)
pong to ping (1)
pong to pong (1)`
	if got := drawnFlow(calls); got != want {
		t.Errorf("drawn is\n%s\nwant\n%s", got, want)
	}
	if nodes, roots := flowOf(calls[1:3]); len(nodes) != 2 || len(roots) != 1 {
		t.Errorf("what lost its begin has nodes %v and roots %v", nodes, roots)
	}
}

func TestFlowIsAWorkflowsCallsWhereThereIsOne(t *testing.T) {
	calls := family("1 - a", "2 1 b", "3 2 c")
	calls[0].Flowparent, calls[1].Flowparent = "w", "w"
	if same := sameFlow(calls, "w"); len(same) != 2 {
		t.Errorf("of the workflow are %v", same)
	}
	if same := sameFlow(calls, ""); len(same) != 3 {
		t.Errorf("of the run are %v", same)
	}
}
