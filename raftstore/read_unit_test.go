package raftstore

import (
	"context"
	"errors"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// TestReadBeginsNoRoundOnceTheLastWasWaitedFor: a round that begins while the replica
// waits for the last one would outlive its log, or end the node by misuse of a wait group.
func TestReadBeginsNoRoundOnceTheLastWasWaitedFor(t *testing.T) {
	g := &Group{failed: make(chan struct{}), ended: make(chan struct{})}
	g.reads.close()
	if _, err := g.ReadIndex(context.Background()); !errors.Is(err, messages.Unavailable) {
		t.Errorf("a read of a replica that ends: %v", err)
	}
	if g.reads.running {
		t.Error("a round has begun")
	}
}
