package model

import (
	"cmp"
	"slices"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// keeping is what sockets, queues and networks say of how long ended calls are
// kept; nothing is 0.
type keeping interface {
	GetKeepAge() int64
	GetKeepCalls() int64
	GetDeadAge() int64
	GetDeadCalls() int64
}

// retention is what holds for a socket: what it says itself, then what its queue
// says, then the network. nil: none of them says anything.
func retention(view kv.View, s *messages.Socket, q *messages.Queue) *messages.Retention {
	var n *messages.Network
	if id, _, ok := Network(view); ok {
		n = load(view, messages.Kind_KIND_NETWORK, id).GetNetwork()
	}
	r := &messages.Retention{
		Age:       cmp.Or(s.GetKeepAge(), q.GetKeepAge(), n.GetKeepAge()),
		Calls:     cmp.Or(s.GetKeepCalls(), q.GetKeepCalls(), n.GetKeepCalls()),
		DeadAge:   cmp.Or(s.GetDeadAge(), q.GetDeadAge(), n.GetDeadAge()),
		DeadCalls: cmp.Or(s.GetDeadCalls(), q.GetDeadCalls(), n.GetDeadCalls()),
	}
	if r.Age == 0 && r.Calls == 0 && r.DeadAge == 0 && r.DeadCalls == 0 {
		return nil
	}
	return r
}

// amountsKept are the fields that may not be below zero.
func amountsKept(k keeping) []amount {
	return []amount{{"keep_age", k.GetKeepAge(), maxMillis}, {"keep_calls", k.GetKeepCalls(), maxAmount},
		{"dead_age", k.GetDeadAge(), maxMillis}, {"dead_calls", k.GetDeadCalls(), maxAmount}}
}

// keptFields names the same fields, for Update.
func keptFields(spec string) []string {
	return []string{spec + ".dead_age", spec + ".dead_calls", spec + ".keep_age", spec + ".keep_calls"}
}

// withKept adds them to others, in order.
func withKept(spec string, others ...string) []string {
	return slices.Sorted(slices.Values(append(others, keptFields(spec)...)))
}
