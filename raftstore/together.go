package raftstore

import (
	"context"

	"github.com/elasticcode/flow/messages"
)

// ProposeAll is Propose for several commands of one caller, who waits once for
// all of them. They go into the log in their order. answered hears of each of
// them once, on the caller's goroutine, before ProposeAll returns.
func (g *Group) ProposeAll(ctx context.Context, all []messages.Command, answered func(i int, result messages.Result, index uint64, err error)) {
	answers := make(chan answer, len(all))
	open := make([]bool, len(all)) // proposed, and not answered yet
	proposals := make([]proposal, len(all))
	left := 0
	give := func(i int, a answer) {
		if !open[i] {
			return
		}
		open[i] = false
		left--
		if a.err != nil {
			a.err = g.refusal(opPropose, a.err)
		}
		answered(i, a.result, a.index, a.err)
	}
	for i, c := range all {
		err := g.takes(c)
		if err == nil {
			proposals[i] = proposal{command: c, number: i, answer: answers}
			if full := g.batcher.enqueue(&proposals[i]); full != nil {
				err = g.refusal(opPropose, full)
			}
		}
		if err != nil {
			answered(i, messages.Result{}, 0, err)
			continue
		}
		open[i] = true
		left++
	}
	for left > 0 {
		a := g.batcher.next(ctx, answers)
		if a.number != everyNumber {
			give(a.number, a)
			continue
		}
		for i := range open {
			give(i, a)
		}
	}
}
