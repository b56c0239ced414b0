package model

import (
	"github.com/elasticcode/flow/messages"
)

// Types of queues.
const (
	Direct = "direct"
	Topic  = "topic"
	Fanout = "fanout"
)

// checkQueue refuses what cannot be a queue, and fills in defaults.
func checkQueue(op string, o *messages.Object) *messages.Error {
	q := o.GetQueue()
	if q.Qtype == "" {
		q.Qtype = Direct
	}
	if q.Qtype != Direct && q.Qtype != Topic && q.Qtype != Fanout {
		return messages.Errorf(messages.Invalid, op, o.Name, "%q is not a type of queue", q.Qtype).
			WithHint("types are %s, %s and %s", Direct, Topic, Fanout)
	}
	return notNegative(op, o.Name, []amount{
		{"max_length", q.MaxLength}, {"max_length_bytes", q.MaxLengthBytes},
		{"message_ttl", q.MessageTtl}, {"expires", q.Expires},
	}, amountsKept(q)...)
}

// amount is a named number that may not be below zero.
type amount struct {
	name  string
	value int64
}

func notNegative(op, subject string, amounts []amount, more ...amount) *messages.Error {
	for _, a := range append(amounts, more...) {
		if a.value < 0 {
			return messages.Errorf(messages.Invalid, op, subject, "%s is %d, and may not be below 0", a.name, a.value).
				WithHint("0 means none")
		}
	}
	return nil
}
