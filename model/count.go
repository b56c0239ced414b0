package model

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// What the model asks of all objects of a kind is counted as they come and go:
// to read a hundred thousand to add one more would take a second.

// countedAs gives the keys of the counts that an object is part of: of its kind,
// of its partition if placed there, and of the sockets of a queue.
func countedAs(o *messages.Object) [][]byte {
	if o == nil {
		return nil
	}
	keys := [][]byte{kindCount(o.Kind)}
	switch s := o.Spec.(type) {
	case *messages.Object_Queue:
		keys = append(keys, partitionCount(o.Kind, messages.GroupID(s.Queue.Partition)))
	case *messages.Object_Processor:
		keys = append(keys, partitionCount(o.Kind, messages.GroupID(s.Processor.Partition)))
	case *messages.Object_Socket:
		keys = append(keys, queueCount(s.Socket.Queue))
	}
	return keys
}

func kindCount(kind messages.Kind) []byte { return path(counts, noun(kind)) }

func partitionCount(kind messages.Kind, partition messages.GroupID) []byte {
	return path(counts, noun(kind), "partition", strconv.FormatUint(uint64(partition), 10))
}

func queueCount(queue string) []byte {
	return path(counts, noun(messages.Kind_KIND_QUEUE), "sockets", queue)
}

func counted(view kv.View, key []byte) int {
	if value, ok := view.Get(key); ok {
		return int(binary.BigEndian.Uint64(value))
	}
	return 0
}

// recount follows an object that was one thing and is another now; nil: it was
// not there, or is not any more.
func (c *change) recount(old, fresh *messages.Object) {
	before, after := countedAs(old), countedAs(fresh)
	if slices.EqualFunc(before, after, bytes.Equal) {
		return
	}
	for _, key := range before {
		c.add(key, -1)
	}
	for _, key := range after {
		c.add(key, 1)
	}
}

func (c *change) add(key []byte, by int) {
	if n := counted(c, key) + by; n > 0 {
		c.Set(key, binary.BigEndian.AppendUint64(nil, uint64(n)))
	} else {
		c.Delete(key)
	}
}

// emptiest gives the partition with the fewest objects of a kind, the lowest of
// those that have the same.
func (c *change) emptiest(kind messages.Kind) messages.GroupID {
	_, partitions, _ := Network(c)
	best, fewest := messages.GroupID(0), 0
	for p := messages.Meta + 1; p <= messages.GroupID(partitions); p++ {
		if n := counted(c, partitionCount(kind, p)); best == 0 || n < fewest {
			best, fewest = p, n
		}
	}
	return best
}

// counts: each is what one finds by counting.
func (k checker) counts() error {
	found := map[string]int{}
	for key, value := range k.view.Scan([]byte(objects), kv.PrefixEnd([]byte(objects))) {
		for _, count := range countedAs(decode(key, value)) {
			found[string(count)]++
		}
	}
	kept := 0
	for key := range k.view.Scan([]byte(counts), kv.PrefixEnd([]byte(counts))) {
		if n := counted(k.view, key); n != found[string(key)] || n == 0 {
			return fmt.Errorf("%s says %d, and there are %d", key, n, found[string(key)])
		}
		kept++
	}
	if kept != len(found) {
		return fmt.Errorf("%d counts are kept of %d", kept, len(found))
	}
	return nil
}
