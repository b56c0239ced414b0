package model

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// withoutQueues leaves out what tells of queues.
func withoutQueues(sent []proto.Message) []proto.Message {
	return slices.DeleteFunc(sent, func(m proto.Message) bool {
		switch m.(type) {
		case *messages.ConfigureQueue, *messages.Bind:
			return true
		}
		return false
	})
}

func queueOf(name string, q *messages.Queue) *messages.Create {
	m := queue(name)
	m.Object.Spec = &messages.Object_Queue{Queue: q}
	return m
}

func bound(name, queue, processor, function, binding string) *messages.Create {
	m := socket(name, queue, processor, function)
	m.Object.GetSocket().Binding = binding
	return m
}

func setSocket(name string, s *messages.Socket, fields ...string) *messages.Update {
	return &messages.Update{Kind: messages.Kind_KIND_SOCKET, Name: name, Fields: fields, Object: &messages.Object{Spec: &messages.Object_Socket{Socket: s}}}
}

func setQueue(name string, q *messages.Queue, fields ...string) *messages.Update {
	return &messages.Update{Kind: messages.Kind_KIND_QUEUE, Name: name, Fields: fields, Object: &messages.Object{Spec: &messages.Object_Queue{Queue: q}}}
}

// bindings gives what a queue's home was told: "s=a.# t=".
func (w *world) bindings(name string) string {
	w.t.Helper()
	o := w.get(messages.Kind_KIND_QUEUE, name)
	told := map[string]string{}
	for _, m := range w.sent(messages.GroupID(o.GetQueue().Partition)) {
		if c, ok := m.(*messages.Bind); ok && c.Queue == o.Id {
			if told[c.Binding.Socket] = c.Binding.Name + "=" + c.Binding.Pattern; c.Gone {
				delete(told, c.Binding.Socket)
			}
		}
	}
	return strings.Join(slices.Sorted(maps.Values(told)), " ")
}

func TestQueuesAreSpreadOverPartitions(t *testing.T) {
	w := founded(t, 4)
	for i := range 4 {
		w.do(queue(fmt.Sprint("q", i)))
		if got, want := w.get(messages.Kind_KIND_QUEUE, fmt.Sprint("q", i)).GetQueue().Partition, uint32(1+i%2); got != want {
			t.Errorf("queue %d is in partition %d, want %d", i, got, want)
		}
	}
}

func TestHomeOfAQueueIsToldItsSockets(t *testing.T) {
	w := founded(t, 4)
	w.do(queueOf("events", &messages.Queue{Qtype: "topic"}))
	w.do(queueOf("other", &messages.Queue{Qtype: "topic"}))
	w.do(processor("p", 1, "f", "g"))
	w.do(bound("s", "events", "p", "f", "a.#"))
	w.do(socket("t", "events", "p", "g"))
	check := func(what, want string) {
		t.Helper()
		if got := w.bindings("events"); got != want {
			t.Errorf("%s: its home was told %q, want %q", what, got, want)
		}
	}
	check("two sockets", "s=a.# t=")
	w.do(setSocket("t", &messages.Socket{Binding: "*.b"}, "socket.binding"))
	check("another binding", "s=a.# t=*.b")
	w.do(setSocket("t", &messages.Socket{Queue: "other"}, "socket.queue"))
	check("another queue", "s=a.#")
	if got := w.bindings("other"); got != "t=*.b" {
		t.Errorf("the other queue's home was told %q", got)
	}
	w.do(&messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: "s"})
	check("a socket on its way out", "")
}

func TestHomeElsewhereIsToldWhenASocketIsFull(t *testing.T) {
	w := founded(t, 4)
	w.do(queue("one"))                                    // partition 1
	w.do(queueOf("two", &messages.Queue{MaxLength: 3}))   // partition 2
	w.do(queueOf("three", &messages.Queue{MaxLength: 3})) // partition 1
	w.do(processor("p", 1, "f"))                          // partition 1
	for name, home := range map[string]uint32{"one": 0, "two": 2, "three": 0} {
		w.do(socket("s"+name, name, "p", "f"))
		for _, m := range w.sent(1) {
			if c, ok := m.(*messages.ConfigureSocket); ok && c.Name == "s"+name && c.QueuePartition != home {
				t.Errorf("a socket of queue %s tells partition %d, want %d", name, c.QueuePartition, home)
			}
		}
	}
}

func TestQueueGoesWithItsLastSocket(t *testing.T) {
	w := founded(t, 4)
	w.do(queueOf("auto", &messages.Queue{AutoDelete: true}))
	w.do(queueOf("stays", &messages.Queue{}))
	w.do(processor("p", 1, "f", "g"))
	for _, q := range []string{"stays", "auto"} {
		w.do(socket(q+"1", q, "p", "f"))
		w.do(socket(q+"2", q, "p", "g"))
		w.do(&messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: q + "1"})
		w.acknowledge(1)
		w.get(messages.Kind_KIND_QUEUE, q)
		w.do(&messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: q + "2"})
		w.get(messages.Kind_KIND_QUEUE, q) // its last socket may hold calls still
		w.acknowledge(1)
	}
	w.gone(messages.Kind_KIND_QUEUE, "auto")
	w.get(messages.Kind_KIND_QUEUE, "stays")
	if sent := w.sent(1); len(sent) != 1 || !proto.Equal(sent[0], &messages.RemoveQueue{Queue: id("queue auto")}) {
		t.Errorf("its home was told %v", sent)
	}
	w.do(queueOf("moved", &messages.Queue{AutoDelete: true}))
	w.do(socket("m", "moved", "p", "f"))
	w.do(setSocket("m", &messages.Socket{Queue: "stays"}, "socket.queue"))
	w.gone(messages.Kind_KIND_QUEUE, "moved")
}

func TestUnusedQueueExpires(t *testing.T) {
	w := founded(t, 4)
	w.do(queue("stays"))
	w.do(queueOf("short", &messages.Queue{Expires: 50}))
	since := w.get(messages.Kind_KIND_QUEUE, "short").GetQueue().UnusedSince
	if gone, next := ExpiredQueue(w.state, since+49_999); gone != "" || next != since+50_000 {
		t.Errorf("before its time: %q, next at %d", gone, next-since)
	}
	if gone, _ := ExpiredQueue(w.state, since+50_000); gone != id("queue short") {
		t.Errorf("at its time %q has expired", gone)
	}
	w.do(processor("p", 1, "f"))
	w.do(socket("s", "short", "p", "f"))
	if gone, next := ExpiredQueue(w.state, since+1_000_000_000); gone != "" || next != 0 {
		t.Errorf("used: %q, next at %d", gone, next)
	}
	w.do(&messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: "s"})
	if gone, next := ExpiredQueue(w.state, since+1_000_000_000); gone != "" || next != 0 {
		t.Errorf("its socket may hold calls still: %q, next at %d", gone, next)
	}
	w.acknowledge(1)
	if gone, _ := ExpiredQueue(w.state, since+1_000_000_000); gone != id("queue short") {
		t.Errorf("unused again: %q has expired", gone)
	}
}

// TestBadPoliciesAreRefused: refused adds that nothing was changed.
func TestBadPoliciesAreRefused(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	w.do(queueOf("events", &messages.Queue{Qtype: "topic"}))
	for _, c := range []struct {
		m   proto.Message
		why string
	}{
		{queueOf("x", &messages.Queue{Qtype: "circle"}), "direct, topic, fanout"},
		{queueOf("x", &messages.Queue{MaxLength: -1}), "max_length is -1"},
		{queueOf("x", &messages.Queue{MessageTtl: 1 << 60}), "is the most"},
		{bound("x", "events", "p", "f", "a..b"), "word 2"},
		{bound("x", "events", "p", "f", "a.b#"), "whole words"},
		{bound("x", "events", "p", "f", strings.Repeat("a.", 200)+"a"), "255 are the most"},
		{bound("x", "q", "p", "f", "a.*"), "patterns of sockets"},
		{setSocket("s", &messages.Socket{Ratelimit: "10"}, "socket.ratelimit"), "not understood"},
		{setSocket("s", &messages.Socket{Ratelimit: "0/s"}, "socket.ratelimit"), "nothing run"},
		{setSocket("s", &messages.Socket{Ratelimit: "9999999999/s"}, "socket.ratelimit"), "over the bound"},
		{setSocket("s", &messages.Socket{Retrydelay: proto.Int64(1000)}, "socket.retrydelay"), "retries is 0"},
		{setSocket("s", &messages.Socket{Retries: proto.Int32(-1)}, "socket.retries"), "retries is -1"},
		{setSocket("s", &messages.Socket{Retries: proto.Int32(10_001)}, "socket.retries"), "10000 is the most"},
		{setSocket("s", &messages.Socket{Retries: proto.Int32(1), Retrydelay: proto.Int64(3_600_001)}, "socket.retries", "socket.retrydelay"), "3600000 is the most"},
		{setSocket("s", &messages.Socket{NoRetry: []string{"Value Error"}}, "socket.no_retry"), "not a type of error"},
		{setSocket("s", &messages.Socket{NoRetry: make([]string, 33)}, "socket.no_retry"), "32 are the most"},
	} {
		w.refused(c.m, messages.Invalid, c.why)
	}
	w.do(bound("y", "events", "p", "f", "a.*"))
	w.refused(setQueue("events", &messages.Queue{Qtype: "direct"}, "queue.qtype"), messages.Invalid, "socket y does not fit", "patterns of sockets")
	w.do(setQueue("events", &messages.Queue{Qtype: "fanout"}, "queue.qtype"))
	w.refused(&messages.Update{Kind: messages.Kind_KIND_PROCESSOR, Name: "p", Fields: []string{"processor.retrydelay"},
		Object: &messages.Object{Spec: &messages.Object_Processor{Processor: &messages.Processor{Retrydelay: 10}}}}, messages.Invalid, "nothing is tried again")
	w.do(&messages.Update{Kind: messages.Kind_KIND_PROCESSOR, Name: "p", Fields: []string{"processor.retrydelay", "processor.retries", "processor.no_retry"},
		Object: &messages.Object{Spec: &messages.Object_Processor{Processor: &messages.Processor{Retrydelay: 10, Retries: 2, NoRetry: []string{"ValueError", "lib.Odd"}}}}})
}

func TestSocketsOfAQueueAreBounded(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	q := w.get(messages.Kind_KIND_QUEUE, "q")
	w.state.Set(queueCount(q.Id), binary.BigEndian.AppendUint64(nil, messages.MaxBindings)) // as if they were there: adding them one by one takes long
	c := &change{Tx: w.state}
	o := socket("one too many", "q", "p", "f").Object
	if refusal := c.checkSocketQueue("add socket", o, q); refusal == nil || !strings.Contains(refusal.Error(), "1000") {
		t.Errorf("refused with %v", refusal)
	}
	if refusal := c.checkSocketQueue("update socket", w.get(messages.Kind_KIND_SOCKET, "s"), q); refusal != nil {
		t.Errorf("one that is there already is refused with %v", refusal)
	}
}
