package messages

// maxHeard is how many notices are remembered.
const maxHeard = 8192

// Heard remembers the latest notices, so that one that is told again is known:
// by a new leader, or by another node. The zero value has heard nothing.
type Heard struct {
	known map[heard]bool
	order []heard
}

// heard is what a notice tells of. A call's is told by several with different
// dates; what is of no call is told once.
type heard struct {
	channel, state, call, room string
	attempt                    uint32
	date                       int64
}

// Before says whether a notice was heard before, and remembers it.
func (h *Heard) Before(n *Notice) bool {
	key := heard{channel: n.Channel, state: n.State, call: n.Call, attempt: n.Attempt}
	if n.Call == "" {
		key.room, key.date = n.Room+" "+n.Task+" "+n.Node, n.Date
	}
	if h.known[key] {
		return true
	}
	if h.known == nil {
		h.known = map[heard]bool{}
	}
	h.known[key] = true
	if h.order = append(h.order, key); len(h.order) > maxHeard {
		delete(h.known, h.order[0])
		h.order = h.order[1:]
	}
	return false
}
