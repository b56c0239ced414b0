package raftstore_test

import (
	"testing"
	"time"
)

// TestHeartbeatsWaitForTheirMomentAtOnce: raft by itself makes the next one at the
// earliest a tenth of the time-out after an answer.
func TestHeartbeatsWaitForTheirMomentAtOnce(t *testing.T) {
	const timeout = 3 * time.Second
	_, nodes := trio(t, func(n *node) { n.config.Heartbeat, n.config.Election = timeout, timeout })
	eventually(t, "heartbeats for both followers wait right after those before", func() bool {
		sinceMoment := time.Duration(time.Now().UnixNano() % int64(timeout/3))
		sent := sinceMoment > timeout/50 // those that were due then
		return sent && sinceMoment < timeout/15 && nodes[0].store.HeldBeats() == 2
	})
}
