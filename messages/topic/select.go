package topic

import (
	"slices"

	"github.com/elasticcode/flow/messages"
)

// The types of queues.
const (
	Direct = "direct" // to the sockets whose binding is the routing key
	Topic  = "topic"  // to the sockets whose binding, a pattern, matches it
	Fanout = "fanout" // to all sockets, whatever it is
)

// Types gives the types of queues.
func Types() []string { return []string{Direct, Topic, Fanout} }

const op = "publish"

// Select gives those of a queue's sockets that take a routing key, or says why
// what is published with it goes nowhere.
func Select(q *messages.ConfigureQueue, bindings []*messages.Binding, key string) ([]*messages.Binding, *messages.Error) {
	subject := "queue " + q.Name
	if len(bindings) == 0 {
		return nil, messages.Errorf(messages.NotFound, op, subject, "it has no sockets").WithHint("add a socket with --queue %s", q.Name)
	}
	switch {
	case key != "":
		if err := CheckKey(key); err != nil {
			return nil, messages.Errorf(messages.Invalid, op, subject, "%v", err)
		}
	case q.Qtype == Topic:
		return nil, messages.Errorf(messages.Invalid, op, subject, "a topic queue needs a routing key").WithHint("give it with --key")
	case q.Qtype == Direct && len(bindings) > 1:
		return nil, messages.Errorf(messages.Invalid, op, subject, "it is a direct queue with %d sockets, and no routing key says for which", len(bindings)).
			WithHint("give the name of one with --key")
	case q.Qtype == Direct:
		return bindings, nil
	}
	takers := slices.DeleteFunc(slices.Clone(bindings), func(b *messages.Binding) bool { return !takes(q.Qtype, b, key) })
	if len(takers) == 0 {
		return nil, messages.Errorf(messages.NotFound, op, subject, "none of its sockets takes the routing key %q", key).
			WithHint("the binding of its socket %s is %s", bindings[0].Name, boundTo(bindings[0]))
	}
	return takers, nil
}

func takes(qtype string, b *messages.Binding, key string) bool {
	switch {
	case qtype == Fanout:
		return true
	case qtype == Topic && b.Pattern != "":
		return Match(b.Pattern, key)
	}
	return boundTo(b) == key
}

// boundTo is what a socket takes: that it is named by its name, unless it says
// something else.
func boundTo(b *messages.Binding) string {
	if b.Pattern != "" {
		return b.Pattern
	}
	return b.Name
}
