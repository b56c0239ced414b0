package model

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

const (
	// maxChanges is how many changes of its status are kept of a processor.
	maxChanges = 64
	// maxChangeMessage bounds the message of each.
	maxChangeMessage = 512
)

// noteStatus keeps a change of a processor's status. Of several in one entry of the
// log the last counts: nobody can have seen the others.
func (c *change) noteStatus(o *messages.Object) {
	before := history(c, o.Id, 0)
	if n := len(before); n > 0 && before[n-1].Index == c.index {
		c.Delete(historyKey(o.Id, c.index))
		before = before[:n-1]
	}
	if n := len(before); n > 0 && before[n-1].Status == o.Status {
		return
	}
	for len(before) >= maxChanges {
		c.Delete(historyKey(o.Id, before[0].Index))
		before = before[1:]
	}
	m := &messages.StatusChange{Status: o.Status, Message: endOf(o.Message, maxChangeMessage), Time: c.now, Index: c.index}
	c.Set(historyKey(o.Id, c.index), encode(m))
}

// dropHistory forgets the changes of a processor that goes.
func (c *change) dropHistory(processor string) {
	for _, m := range history(c, processor, 0) {
		c.Delete(historyKey(processor, m.Index))
	}
}

// History gives how the status of a processor has changed behind an entry of the
// log, oldest first: up to the latest 64 changes.
func History(view kv.View, processor string, after uint64) []*messages.StatusChange {
	return history(view, processor, after+1)
}

func history(view kv.View, processor string, from uint64) (found []*messages.StatusChange) {
	for k, value := range view.Scan(historyKey(processor, from), kv.PrefixEnd(historyPrefix(processor))) {
		m := new(messages.StatusChange)
		if err := proto.Unmarshal(value, m); err != nil {
			panic(fmt.Sprintf("model: the change at %q is malformed: %v", k, err))
		}
		found = append(found, m)
	}
	return found
}

// histories: each is that of a processor which is there, bounded, changes with
// each step, and ends with the status that the processor has.
func (k checker) histories() error {
	seen := 0
	for _, o := range all(k.view, messages.Kind_KIND_PROCESSOR) {
		changes := history(k.view, o.Id, 0)
		if len(changes) == 0 || len(changes) > maxChanges || changes[len(changes)-1].Status != o.Status {
			return fmt.Errorf("processor %s is %s, and its history is %v", o.Name, o.Status, changes)
		}
		for i, m := range changes {
			if i > 0 && (m.Status == changes[i-1].Status || m.Index <= changes[i-1].Index || m.Time < changes[i-1].Time) {
				return fmt.Errorf("processor %s: after %v came %v", o.Name, changes[i-1], m)
			}
		}
		seen += len(changes)
	}
	if kept := len(keysBelow(k.view, []byte(histories))); kept != seen {
		return fmt.Errorf("%d changes are kept, %d of processors that are there", kept, seen)
	}
	return nil
}
