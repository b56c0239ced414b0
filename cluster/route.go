package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/cluster/peer"
	"github.com/elasticcode/flow/messages"
)

// Pauses between tries, while a group has no leader that this node can find.
const (
	minPause = 5 * time.Millisecond
	maxPause = 100 * time.Millisecond
	// maxHops is how often a hint is followed without a pause: two nodes may
	// each take the other for the leader.
	maxHops = 3
)

// task is one thing to be done by a group's leader.
type task struct {
	op    string
	group messages.GroupID
	again bool          // doing it twice does no harm
	any   bool          // any replica can do it
	limit time.Duration // for one try
}

func (t task) subject() string { return t.group.Name() }

// route tries a task at one node after another until one has done it, it must
// not be tried again, or the context ends.
func (r *Router) route(ctx context.Context, t task, try func(ctx context.Context, to messages.NodeID) error) error {
	var last error
	search := search{r: r, group: t.group}
	hops, pause := 0, minPause
	for {
		to, ok := search.next()
		if !ok {
			last = messages.Errorf(messages.Unavailable, t.op, t.subject(), "no node is known that holds a replica")
		} else if last = tryFor(ctx, t, to, try); last == nil {
			if !t.any {
				r.leaders.set(t.group, to)
			}
			return nil
		}
		if ctx.Err() != nil {
			return r.ended(ctx, t, last)
		}
		if ok && !mayRetry(last, t.again) {
			return final(last, t)
		}
		r.leaders.forget(t.group, to)
		search.hint = leaderIn(last)
		if search.hint != "" && search.hint != to && hops < maxHops {
			hops++
			continue
		}
		hops = 0
		if why, remedy := r.config.Unserved(t.group); r.unserved.long(t.group, why) {
			return t.unserved(why, remedy)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return r.ended(ctx, t, last)
		}
		pause = min(2*pause, maxPause)
	}
}

// search looks for a group's leader.
type search struct {
	r     *Router
	group messages.GroupID
	hint  messages.NodeID // where the last one asked pointed
	tries int
	asked int // replicas asked in turn
}

// next is the node to try: where the last one pointed, where this node's
// replica sees its leader, where a task was done last time, or else each
// replica in turn. What is remembered may have died: every other time the
// replicas are asked.
func (s *search) next() (messages.NodeID, bool) {
	if to := s.hint; to != "" {
		s.hint = ""
		return to, true
	}
	s.tries++
	if s.tries%2 == 1 {
		if leader, ok := s.r.knownLeader(s.group); ok {
			return leader, true
		}
	}
	replicas := s.r.config.Placement(s.group)
	if len(replicas) == 0 {
		return "", false
	}
	to := replicas[s.asked%len(replicas)]
	s.asked++
	return to, true
}

func (r *Router) knownLeader(group messages.GroupID) (messages.NodeID, bool) {
	if g, ok := r.config.Local.Group(group); ok {
		if leader, known := g.Leader(); known {
			return leader, true
		}
	}
	return r.leaders.get(group)
}

func tryFor(ctx context.Context, t task, to messages.NodeID, try func(context.Context, messages.NodeID) error) error {
	limited, cancel := context.WithTimeout(ctx, t.limit)
	defer cancel()
	err := try(limited, to)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return messages.Errorf(messages.Unavailable, t.op, t.subject(), "node %s did not answer within %v", to, t.limit)
	}
	return err
}

// mayRetry says whether a task that failed may be tried at another node.
func mayRetry(err error, again bool) bool {
	return errors.Is(err, peer.ErrNotSent) || errors.Is(err, messages.NotLeader) || again && passing(err)
}

// passing says whether an error tells of nodes, not of what was asked.
func passing(err error) bool {
	return errors.Is(err, messages.NotLeader) || errors.Is(err, messages.Unavailable) || errors.Is(err, messages.Deadline) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// final is the error of a task that must not be tried again.
func final(err error, t task) error {
	if t.again || !passing(err) {
		return err
	}
	return messages.Errorf(messages.Unavailable, t.op, t.subject(), "it is not known whether it was done: %v", err).WithHint("look before you do it again")
}

// ended is the error of a task whose context ended first.
func (r *Router) ended(ctx context.Context, t task, last error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	if why, remedy := r.config.Unserved(t.group); why != "" {
		return t.unserved(why, remedy)
	}
	reason := "no answer in time"
	if last != nil && !errors.Is(last, ctx.Err()) {
		reason += "; the last try: " + last.Error()
	}
	return messages.Errorf(messages.Deadline, t.op, t.subject(), "%s", reason).WithHint("`flowcli network` shows groups without a leader; what was sent may have been done, and can be sent again with the same key or id")
}

func leaderIn(err error) messages.NodeID {
	var e *messages.Error
	if errors.As(err, &e) && errors.Is(err, messages.NotLeader) {
		return e.Leader
	}
	return ""
}

// repeatable says whether a command does no harm when it reaches the log
// twice. Those on ids, attempts, boots and numbers tell the second time.
// Changes of the model by name do not: the object may have changed since.
func repeatable(m proto.Message) bool {
	switch m.(type) {
	case *messages.Update, *messages.Delete, *messages.PlaceGroup:
		return false
	}
	return true
}

// leaders remembers who led the groups that have no replica here.
type leaders struct {
	mu sync.Mutex
	of map[messages.GroupID]messages.NodeID
}

func (l *leaders) get(g messages.GroupID) (messages.NodeID, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	node, ok := l.of[g]
	return node, ok
}

func (l *leaders) set(g messages.GroupID, node messages.NodeID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[messages.GroupID]messages.NodeID{}
	}
	l.of[g] = node
}

// forget drops a node that turned out not to lead.
func (l *leaders) forget(g messages.GroupID, node messages.NodeID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[g] == node {
		delete(l.of, g)
	}
}
