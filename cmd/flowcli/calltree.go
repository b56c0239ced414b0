package main

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// maxTree bounds the calls of a run that are shown.
const maxTree = 5000

// treeNode is a call and the calls that it caused.
type treeNode struct {
	label    string
	call     *messages.CallInfo
	children []*treeNode
}

// drawCalls draws the calls that a call caused; whole: those of its whole run.
func (c *cli) drawCalls(ctx context.Context, id string, whole bool) error {
	call, calls, err := c.runOf(ctx, id)
	if err != nil {
		return err
	}
	for _, root := range grow(calls, call, whole) {
		if c.structured() {
			if err := c.write(treeDocument(root)); err != nil {
				return err
			}
			continue
		}
		lines, _ := root.draw()
		fmt.Fprintln(c.out, strings.Join(lines, "\n"))
	}
	return nil
}

// runOf gives a call and all calls of its run. A message at a gate stands for
// the call that it is part of.
func (c *cli) runOf(ctx context.Context, id string) (call *messages.CallInfo, calls []*messages.CallInfo, err error) {
	net, err := c.connectToLook()
	if err != nil {
		return nil, nil, err
	}
	call, err = net.GetCall(ctx, id, false)
	if err == nil && call.Joined != "" {
		call, err = net.GetCall(ctx, call.Joined, false)
	}
	if err == nil {
		calls, err = c.run(ctx, call.Tracking)
	}
	return call, calls, err
}

// run gives the calls of a run, the oldest first.
func (c *cli) run(ctx context.Context, tracking string) (calls []*messages.CallInfo, err error) {
	request := &messages.ListCallsRequest{Tracking: tracking, Ascend: true, Rows: messages.MaxPageRows}
	for {
		page, err := c.network.ListCalls(ctx, request)
		if err != nil {
			return nil, err
		}
		calls = append(calls, page.Calls...)
		if page.NextPageToken == "" {
			return calls, nil
		}
		if len(calls) >= maxTree {
			c.notef("the run has %d calls; the first %d are shown", page.Total, len(calls))
			return calls, nil
		}
		request.PageToken = page.NextPageToken
	}
}

// grow makes trees of the calls of a run: that of one call, or all.
func grow(calls []*messages.CallInfo, of *messages.CallInfo, whole bool) (roots []*treeNode) {
	nodes := map[string]*treeNode{}
	for _, call := range calls {
		nodes[call.Id] = &treeNode{label: call.Socket, call: call}
	}
	if nodes[of.Id] == nil {
		nodes[of.Id] = &treeNode{label: of.Socket, call: of}
	}
	for _, call := range calls {
		if parent := nodes[call.Parent]; parent != nil && call.Parent != call.Id {
			parent.children = append(parent.children, nodes[call.Id])
		} else if whole {
			roots = append(roots, nodes[call.Id])
		}
	}
	if !whole {
		roots = []*treeNode{nodes[of.Id]}
	}
	return roots
}

// Where the line from a call to those below it begins, and how far they stand
// apart.
const (
	treeStem = 6
	treeGap  = 4
)

// draw gives the lines of a tree, and the column under which its line ends. What
// a call caused stands below it and to its right, side by side.
func (n *treeNode) draw() (lines []string, anchor int) {
	lines, anchor = []string{n.label}, utf8.RuneCountInString(n.label)/2
	if len(n.children) == 0 {
		return lines, anchor
	}
	var below []string
	connector := []rune(strings.Repeat(" ", treeStem) + "└")
	width := treeStem + treeGap
	for i, child := range n.children {
		block, at := child.draw()
		end := '┬'
		if i == len(n.children)-1 {
			end = '┐'
		}
		connector = append(connector, []rune(strings.Repeat("─", width+at-len(connector)))...)
		connector = append(connector, end)
		below, width = beside(below, block, width)
	}
	return append(append(lines, string(connector)), below...), anchor
}

// beside puts a block to the right of others, from a column on, and gives the
// column from which the next one may begin.
func beside(left, block []string, column int) (lines []string, next int) {
	for i := range max(len(left), len(block)) {
		line := ""
		if i < len(left) {
			line = left[i]
		}
		if i < len(block) {
			line += strings.Repeat(" ", max(0, column-utf8.RuneCountInString(line))) + block[i]
		}
		lines = append(lines, line)
		next = max(next, utf8.RuneCountInString(line)+treeGap)
	}
	return lines, next
}

func treeDocument(n *treeNode) document.Object {
	children := []document.Object{}
	for _, child := range n.children {
		children = append(children, treeDocument(child))
	}
	return document.Object{
		{Name: "id", Value: n.call.Id},
		{Name: "socket", Value: n.call.Socket},
		{Name: "state", Value: stateOf(n.call)},
		{Name: "plug", Value: orNull(n.call.Plug)},
		{Name: "children", Value: children},
	}
}
