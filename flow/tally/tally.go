// Package tally counts calls by state, so that a list's total is one read.
package tally

import (
	"encoding/binary"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/messages"
)

// Counts is how many calls of a socket, or of a partition, are in each state.
type Counts struct {
	Queued, Running, Finished, Failed, Cancelled, Expired uint64
	// Bytes is the size of the arguments of the queued calls.
	Bytes uint64
}

// Of is the counter of a state; nil for a state that no call is kept in.
func (c *Counts) Of(state messages.CallState) *uint64 {
	switch state {
	case messages.CallState_QUEUED:
		return &c.Queued
	case messages.CallState_RUNNING:
		return &c.Running
	case messages.CallState_FINISHED:
		return &c.Finished
	case messages.CallState_FAILED:
		return &c.Failed
	case messages.CallState_CANCELLED:
		return &c.Cancelled
	case messages.CallState_EXPIRED:
		return &c.Expired
	}
	return nil
}

// Enter counts n calls, with size bytes of arguments, into a state.
func (c *Counts) Enter(state messages.CallState, n, size uint64) {
	*c.Of(state) += n
	if state == messages.CallState_QUEUED {
		c.Bytes += size
	}
}

// Leave counts one call out of a state.
func (c *Counts) Leave(state messages.CallState, size uint64) {
	n := c.Of(state)
	if *n == 0 || state == messages.CallState_QUEUED && c.Bytes < size {
		pack.Fail("a call leaves the state %s, and none is counted there", state)
	}
	*n--
	if state == messages.CallState_QUEUED {
		c.Bytes -= size
	}
}

// Unended is the number of calls without a terminal state.
func (c *Counts) Unended() uint64 { return c.Queued + c.Running }

// Ended is the number of calls with a terminal state.
func (c *Counts) Ended() uint64 { return c.Finished + c.Failed + c.Cancelled + c.Expired }

// Total is the number of calls.
func (c *Counts) Total() uint64 { return c.Unended() + c.Ended() }

// Stats is the counts as people see them.
func (c *Counts) Stats() *messages.Stats {
	return &messages.Stats{Total: int64(c.Total()), Queued: int64(c.Queued), Running: int64(c.Running),
		Ended: int64(c.Ended()), HeldBytes: int64(c.Bytes)}
}

// Append packs the counts onto b.
func (c *Counts) Append(b []byte) []byte {
	for _, n := range [...]uint64{c.Queued, c.Running, c.Finished, c.Failed, c.Cancelled, c.Expired, c.Bytes} {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// Read unpacks what Append packed.
func Read(r *pack.Reader) (c Counts) {
	for _, n := range [...]*uint64{&c.Queued, &c.Running, &c.Finished, &c.Failed, &c.Cancelled, &c.Expired, &c.Bytes} {
		*n = r.Uint()
	}
	return c
}
