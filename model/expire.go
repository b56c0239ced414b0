package model

import (
	"encoding/binary"
	"fmt"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// expiryKey is where an object stands among those that go when they have been
// unused for some time, by that time; nil: it does not.
func expiryKey(o *messages.Object) []byte {
	q := o.GetQueue()
	if q.GetExpires() == 0 || q.UnusedSince == 0 || o.Status == Deleting {
		return nil
	}
	at := q.UnusedSince + 1000*q.Expires
	return append(binary.BigEndian.AppendUint64([]byte(expiries), uint64(at)), o.Id...)
}

// ExpiredQueue gives a queue that has been unused for as long as it is to stay
// (it has held no calls since), and when the next one will have been; 0: none.
func ExpiredQueue(view kv.View, now int64) (id string, next int64) {
	for key := range view.Scan([]byte(expiries), kv.PrefixEnd([]byte(expiries))) {
		at := int64(binary.BigEndian.Uint64(key[len(expiries):]))
		if at <= now {
			return string(key[len(expiries)+8:]), now
		}
		return "", at
	}
	return "", 0
}

// expiries: each queue that can expire stands among them, and nothing else.
func (k checker) expiries() error {
	expected := 0
	for _, o := range all(k.view, messages.Kind_KIND_QUEUE) {
		if key := expiryKey(o); key != nil {
			if _, ok := k.view.Get(key); !ok {
				return fmt.Errorf("queue %s is not among those that can expire", o.Name)
			}
			expected++
		}
	}
	if kept := len(keysBelow(k.view, []byte(expiries))); kept != expected {
		return fmt.Errorf("%d queues stand among those that can expire, and %d can", kept, expected)
	}
	return nil
}
