package cluster

import (
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
)

// unservedPatience is how long a group that cannot serve is waited for: nodes that
// start together have not all heard of each other yet.
const unservedPatience = 750 * time.Millisecond

// unserved remembers since when groups could not serve, so that only the first
// who asks has to wait.
type unserved struct {
	mu    sync.Mutex
	since map[messages.GroupID]time.Time
}

// long says whether a group could not serve for long. why is the reason for now;
// "": nothing speaks against it.
func (u *unserved) long(group messages.GroupID, why string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if why == "" {
		delete(u.since, group)
		return false
	}
	if u.since == nil {
		u.since = map[messages.GroupID]time.Time{}
	}
	since, known := u.since[group]
	if !known {
		u.since[group] = time.Now()
		return false
	}
	return time.Since(since) > unservedPatience
}

// unserved is the error of a task on a group that cannot serve. Whoever asks may
// ask again: nodes may come, or come back.
func (t task) unserved(why, remedy string) error {
	e := messages.Errorf(messages.Unavailable, t.op, t.subject(), "%s", why).WithHint("%s", remedy)
	e.RetryAfter = unservedPatience
	return e
}
