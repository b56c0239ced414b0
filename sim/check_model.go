package sim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	promiseModel = "reads and changes of the model are linearizable"
	promiseOwn   = "a client reads its own writes"
)

// modelChange is one operation on a name of the model.
type modelChange struct {
	do, name string
	value    int64 // that it sets
	// ghost is a change that may have been made besides: a client that gets no
	// answer sends again, and a change by name has no key by which the second is
	// known. It lies within the operation, or, when that has no outcome, behind its
	// beginning.
	ghost bool
}

// modelReply is what an operation answered: ok, absent, taken; what it read.
type modelReply struct {
	outcome string
	value   int64
}

// absent is the state of a name that nothing has.
const absent = int64(-1)

// names is one name of the model: a register that may be absent.
var names = porcupine.Model{
	Init: func() any { return absent },
	Step: func(state, input, output any) (bool, any) {
		return step(state.(int64), input.(modelChange), output.(modelReply))
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
}

// step says whether an operation may answer so, and what it leaves.
func step(state int64, c modelChange, r modelReply) (bool, int64) {
	if c.ghost {
		return true, c.onto(state)
	}
	switch c.do + " " + r.outcome {
	case "create ok":
		return state == absent, c.value
	case "update ok":
		return state != absent, c.value
	case "delete ok":
		return true, absent // sent again, it finds nothing, and has done it all the same
	case "create taken":
		return state != absent, state
	case "update absent", "delete absent", "get absent", "list absent":
		return state == absent, state
	case "get ok", "list ok":
		return state == r.value, state
	}
	return false, state
}

// onto is what a change makes of a name, if it is made at all.
func (c modelChange) onto(state int64) int64 {
	switch {
	case c.do == "delete":
		return absent
	case c.do == "create" && state == absent, c.do == "update" && state != absent:
		return c.value
	}
	return state
}

// judging is how long the search for an order may take. One that is not done by
// then has not shown anything.
const judging = 20 * time.Second

// checkModel looks for an order of all operations on each name that explains
// their answers.
func checkModel(h History) (broken []Violation) {
	byName := operationsOf(h)
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		switch porcupine.CheckOperationsTimeout(names, byName[name], judging) {
		case porcupine.Illegal:
			broken = append(broken, Violation{promiseModel, h[len(h)-1].At, fmt.Sprintf("no order of the %d operations on %s explains what they answered", len(byName[name]), name)})
		case porcupine.Unknown:
			broken = append(broken, Violation{promiseModel, h[len(h)-1].At, fmt.Sprintf("whether an order of the %d operations on %s explains what they answered was not found out within %s", len(byName[name]), name, judging)})
		}
	}
	return broken
}

// operationsOf gives the operations on each name, with those that may have been
// made besides. Their times are places in the history. An operation that has no
// outcome may be made at any time behind its beginning, or never.
func operationsOf(h History) map[string][]porcupine.Operation {
	all, open := map[string][]porcupine.Operation{}, map[string]porcupine.Operation{}
	end := int64(len(h))
	keep := func(op porcupine.Operation) {
		name := op.Input.(modelChange).name
		all[name] = append(all[name], op)
	}
	ghost := func(op porcupine.Operation) {
		c := op.Input.(modelChange)
		c.ghost = true
		if c.do != "get" && c.do != "list" {
			keep(porcupine.Operation{Input: c, Output: modelReply{}, Call: op.Call, Return: op.Return})
		}
	}
	for i, e := range h {
		f := strings.Fields(e.Line)
		switch {
		case len(f) == 4 && f[0] == "op":
			value, _ := strconv.ParseInt(f[1], 10, 64)
			open[f[1]] = porcupine.Operation{Input: modelChange{do: f[2], name: f[3], value: value}, Call: int64(i)}
		case len(f) >= 3 && f[0] == "did":
			op := open[f[1]]
			delete(open, f[1])
			if op.Return = int64(i); f[2] == "unknown" {
				op.Return = end
				ghost(op)
				ghost(op)
				continue
			}
			r := modelReply{outcome: f[2]}
			if len(f) > 3 {
				r.value, _ = strconv.ParseInt(f[3], 10, 64)
			}
			op.Output = r
			keep(op)
			ghost(op)
		}
	}
	for _, number := range slices.Sorted(maps.Keys(open)) {
		op := open[number]
		op.Return = end
		ghost(op)
	}
	return all
}

// checkOwn wants clients to find what they have written themselves.
func checkOwn(h History) (broken []Violation) {
	for _, e := range h {
		if f := strings.Fields(e.Line); len(f) == 3 && f[0] == "own" && f[2] == "false" {
			broken = append(broken, Violation{promiseOwn, e.At, fmt.Sprintf("call %s is not in the list that its sender asked for next", f[1])})
		}
	}
	return broken
}
