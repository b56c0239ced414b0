package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// flowNode is a socket and the calls of a flow that went through it.
type flowNode struct {
	socket string
	calls  int
	states []string // in the order in which they were met
	counts map[string]int
	next   []*flowEdge
	drawn  *treeNode // nil: not yet
}

// flowEdge is how many calls of one socket came from calls of another.
type flowEdge struct {
	from, to *flowNode
	calls    int
}

// showFlow draws the sockets that the calls of a workflow went through, each
// once, and lists the calls, the oldest first. A call that is part of no
// workflow stands for its run.
func (c *cli) showFlow(ctx context.Context, id string) error {
	call, calls, err := c.runOf(ctx, id)
	if err != nil {
		return err
	}
	calls = sameFlow(calls, call.Flowparent)
	nodes, roots := flowOf(calls)
	if c.structured() {
		return c.write(flowDocument(nodes, calls))
	}
	var also []string
	for _, root := range roots {
		if root.drawn == nil {
			also = append(also, root.grow()...)
			lines, _ := root.drawn.draw()
			fmt.Fprintln(c.out, strings.Join(lines, "\n"))
		}
	}
	if len(also) > 0 {
		fmt.Fprintf(c.out, "Also\n%s\n", strings.Join(also, "\n"))
	}
	var rows [][]string
	for _, call := range calls {
		rows = append(rows, callRow(call))
	}
	return c.titled("Calls", callHeader, rows)
}

// sameFlow gives those of a run's calls that a workflow made, and itself.
func sameFlow(calls []*messages.CallInfo, flow string) (same []*messages.CallInfo) {
	if flow == "" {
		return calls
	}
	for _, call := range calls {
		if call.Flowparent == flow || call.Id == flow {
			same = append(same, call)
		}
	}
	return same
}

// flowOf gathers calls by socket. Roots are the sockets of calls that no other
// of them caused; where every one was, in a cycle that lost its begin, the first.
func flowOf(calls []*messages.CallInfo) (nodes, roots []*flowNode) {
	at, by := map[string]*flowNode{}, map[string]*flowNode{}
	for _, call := range calls {
		n := by[call.Socket]
		if n == nil {
			n = &flowNode{socket: call.Socket, counts: map[string]int{}}
			by[call.Socket] = n
			nodes = append(nodes, n)
		}
		n.add(stateOf(call))
		at[call.Id] = n
	}
	for _, call := range calls {
		parents := call.Parents
		if len(parents) == 0 {
			parents = []string{call.Parent}
		}
		caused := false
		for _, parent := range parents {
			if from := at[parent]; from != nil && parent != call.Id {
				from.lead(at[call.Id])
				caused = true
			}
		}
		if !caused {
			roots = append(roots, at[call.Id])
		}
	}
	if len(roots) == 0 && len(nodes) > 0 {
		roots = nodes[:1]
	}
	return nodes, roots
}

func (n *flowNode) add(state string) {
	if n.counts[state] == 0 {
		n.states = append(n.states, state)
	}
	n.counts[state]++
	n.calls++
}

func (n *flowNode) lead(to *flowNode) {
	for _, e := range n.next {
		if e.to == to {
			e.calls++
			return
		}
	}
	n.next = append(n.next, &flowEdge{from: n, to: to, calls: 1})
}

// grow makes a tree of what a socket leads to. What stands elsewhere already is
// told in words.
func (n *flowNode) grow() (also []string) {
	n.drawn = &treeNode{label: n.label()}
	for _, e := range n.next {
		if e.to.drawn != nil {
			also = append(also, fmt.Sprintf("%s to %s (%d)", n.socket, e.to.socket, e.calls))
			continue
		}
		also = append(also, e.to.grow()...)
		n.drawn.children = append(n.drawn.children, e.to.drawn)
	}
	return also
}

// label is a socket with its calls: "sample.one (3 finished, 1 running)".
func (n *flowNode) label() string {
	var parts []string
	for _, state := range n.states {
		parts = append(parts, fmt.Sprintf("%d %s", n.counts[state], state))
	}
	return n.socket + " (" + strings.Join(parts, ", ") + ")"
}

func flowDocument(nodes []*flowNode, calls []*messages.CallInfo) document.Object {
	sockets, edges, list := []document.Object{}, []document.Object{}, []document.Object{}
	for _, call := range calls {
		list = append(list, callDocument(call))
	}
	for _, n := range nodes {
		states := document.Object{}
		for _, state := range n.states {
			states = append(states, document.Member{Name: state, Value: n.counts[state]})
		}
		sockets = append(sockets, document.Object{{Name: "socket", Value: n.socket}, {Name: "calls", Value: n.calls}, {Name: "states", Value: states}})
		for _, e := range n.next {
			edges = append(edges, document.Object{{Name: "from", Value: n.socket}, {Name: "to", Value: e.to.socket}, {Name: "calls", Value: e.calls}})
		}
	}
	return document.Object{{Name: "sockets", Value: sockets}, {Name: "edges", Value: edges}, {Name: "calls", Value: list}}
}
