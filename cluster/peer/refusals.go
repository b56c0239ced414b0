package peer

import (
	"log/slog"
	"sync"

	"github.com/elasticcode/flow/messages"
)

const maxRefusals = 128 // remembered, so that each is logged once

// refusals logs each refusal once: whoever is refused keeps trying. One that
// passes by itself, as when a node has just started, is for debugging only.
type refusals struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (r *refusals) log(logger *slog.Logger, message string, node messages.NodeID, v verdict, reason string) {
	if v == noNetwork || v == noReplica {
		logger.Debug(message, "peer", node, "reason", reason)
		return
	}
	key := message + string(node) + reason
	r.mu.Lock()
	known := r.seen[key]
	if len(r.seen) >= maxRefusals || r.seen == nil {
		r.seen = map[string]bool{}
	}
	r.seen[key] = true
	r.mu.Unlock()
	if !known {
		logger.Warn(message, "peer", node, "reason", reason)
	}
}
