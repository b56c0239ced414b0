package actors

import "github.com/elasticcode/flow/messages"

const (
	maxLately      = 2048    // calls that ended while nobody waited for them
	maxLatelyBytes = 4 << 20 // of their results and outputs
)

// lately remembers calls that have ended while nobody waited for them: whoever
// fetches the results of a batch asks for them in a moment, and to look for them
// in the state costs more than all else about them. It belongs to waiters.
type lately struct {
	calls map[messages.CallID]*messages.Call
	order []messages.CallID // in which they ended; the oldest at next
	next  int
	bytes int
}

func (l *lately) add(id messages.CallID, call *messages.Call) {
	if l.calls == nil {
		l.calls, l.order = map[messages.CallID]*messages.Call{}, make([]messages.CallID, maxLately)
	}
	for tries := 0; tries < maxLately && l.bytes+heft(call) > maxLatelyBytes; tries++ {
		l.push(messages.CallID{})
	}
	l.push(id)
	l.calls[id] = call
	l.bytes += heft(call)
}

// push lets the oldest go, and has an id in its place.
func (l *lately) push(id messages.CallID) {
	if old, ok := l.calls[l.order[l.next]]; ok {
		delete(l.calls, l.order[l.next])
		l.bytes -= heft(old)
	}
	l.order[l.next] = id
	l.next = (l.next + 1) % maxLately
}

func heft(c *messages.Call) int { return len(c.Result) + len(c.Output) }
