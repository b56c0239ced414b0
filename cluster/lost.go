package cluster

import (
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
)

// lostPatience is how long a group without a majority is waited for: nodes that
// start together have not all heard of each other yet.
const lostPatience = 750 * time.Millisecond

// lost remembers since when groups have been found without a majority, so that
// only the first who asks has to wait.
type lost struct {
	mu    sync.Mutex
	since map[messages.GroupID]time.Time
}

// long says whether a group has been without a majority for long. why is the
// reason for now; "": it has one, or nothing speaks against it.
func (l *lost) long(group messages.GroupID, why string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if why == "" {
		delete(l.since, group)
		return false
	}
	if l.since == nil {
		l.since = map[messages.GroupID]time.Time{}
	}
	since, known := l.since[group]
	if !known {
		l.since[group] = time.Now()
		return false
	}
	return time.Since(since) > lostPatience
}

// without is the error of a task on a group that has no majority. Whoever asks
// may ask again: the nodes may come back.
func (t task) without(why string) error {
	e := messages.Errorf(messages.Unavailable, t.op, t.subject(), "a majority is missing: %s", why).
		WithHint("start those nodes again; `flowcli network` shows which groups have no majority")
	e.RetryAfter = lostPatience
	return e
}
