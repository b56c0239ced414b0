package flow

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// testQueue is a queue in the test of two partitions. Q0 has its home in the
// first, Q1 in the second.
type testQueue struct {
	qtype    string
	patterns map[string]string // by socket
	told     []*messages.Bind  // what its home was told of its sockets since it was told of the queue anew
}

var testPatterns = []string{"", "", "a.b", "a.*", "#", "*.b.#", "a.#.c"}

// bind gives all queues other types, sockets and patterns, and tells. The
// partition of a socket may hear of it later than the queue's.
func (f *flowTest) bind(checked bool) {
	free := append([]string(nil), flowSockets...)
	f.rng.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
	for _, name := range []string{"Q0", "Q1"} {
		q := &testQueue{qtype: f.sides[0].pick("direct", "topic", "topic", "fanout"), patterns: map[string]string{}}
		if before := f.queues[name]; before != nil {
			q.told = before.told
		}
		for range f.rng.IntN(4) {
			q.patterns[free[0]] = testPatterns[f.rng.IntN(len(testPatterns))]
			free = free[1:]
		}
		f.queues[name] = q
		f.side(name).step(f.queue(name), checked)
		f.tellBindings(name, checked)
		for _, k := range flowSockets {
			if _, bound := q.patterns[k]; bound && f.rng.IntN(4) > 0 {
				f.configure(k, checked)
			}
		}
	}
}

// queue is what the model would say of a queue now.
func (f *flowTest) queue(name string) *messages.ConfigureQueue {
	return &messages.ConfigureQueue{Queue: name, Name: name, Qtype: f.queues[name].qtype}
}

// tellBindings tells a queue's home of the sockets that have left it, and of those
// that are on it.
func (f *flowTest) tellBindings(name string, checked bool) {
	q := f.queues[name]
	before := q.told
	q.told = nil
	for _, b := range before {
		if _, stays := q.patterns[b.Binding.Socket]; !stays {
			f.side(name).step(&messages.Bind{Queue: name, Binding: &messages.Binding{Socket: b.Binding.Socket}, Gone: true}, checked)
		}
	}
	for _, k := range flowSockets {
		if pattern, ok := q.patterns[k]; ok {
			b := &messages.Bind{Queue: name, Binding: &messages.Binding{Socket: k, Name: k, Partition: uint32(groupOf(k)), Pattern: pattern}}
			q.told = append(q.told, b)
			f.side(name).step(b, checked)
		}
	}
}

// atHome names the queue of a socket to its partition, if that is elsewhere.
func (f *flowTest) atHome(socket string, c *messages.ConfigureSocket) {
	for _, name := range []string{"Q0", "Q1"} {
		if _, ok := f.queues[name].patterns[socket]; ok && groupOf(name) != groupOf(socket) {
			c.Queue, c.QueuePartition = name, uint32(groupOf(name))
		}
	}
}

// publish is a random publish, now and then one that was sent before.
func (f *flowTest) publish(e *episode) proto.Message {
	name := fmt.Sprintf("Q%d", e.group-partitionOfTests)
	if e.one(20) {
		return &messages.RemoveQueue{Queue: name}
	}
	if e.one(20) {
		return f.queue(name)
	}
	if told := f.queues[name].told; len(told) > 0 && e.one(10) {
		return told[e.rng.IntN(len(told))] // once more, or after the queue was removed
	}
	key := e.pick("", "a", "a.b", "a.b", "a.x.c", "x.b.y", flowSockets[f.rng.IntN(len(flowSockets))])
	id := fmt.Sprintf("publish %d", e.rng.IntN(60))
	return &messages.Publish{Id: messages.NewCallID(id, e.group, 0).Bytes(), Queue: name, RoutingKey: key, Arguments: e.arguments(),
		Content: []byte(key), Owner: "dan", Priority: int32(e.rng.IntN(2))}
}
