package raftstore

import "context"

// beatAgain has raft make its next heartbeats as soon as those before are answered.
// They wait for their moment in the pulse anyway (heartbeats); raft would let some
// time go by first, another for each follower of each group, and wake an idle node
// for each of these times alone. That a majority is asked whether this replica
// still leads is what brings raft's heartbeats forward; those that follow answer it.
func (g *Group) beatAgain(r *run) {
	for {
		select {
		case <-g.beats.again:
		case <-r.stop:
			return
		}
		// One at a time: raft's main loop may wait for its disk. Whatever the answer
		// is, raft has drawn its conclusion.
		_ = settle(context.Background(), r.raft.VerifyLeader(), r.stop)
	}
}
