package raftstore

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// TestRaftsLogIsQuietAboutPeers: a peer that died is told of once, by gossip,
// and not for every request that does not reach it.
func TestRaftsLogIsQuietAboutPeers(t *testing.T) {
	var out bytes.Buffer
	l := raftLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo})))
	l.Error("failed to heartbeat to", "peer", "b")
	l.Info("entering follower state")
	l.Warn("heartbeat timeout reached, starting election")
	for range 3 {
		l.Error("failed to append to logs", "error", "disk")
	}
	got := out.String()
	if strings.Count(got, "\n") != 1 || !strings.Contains(got, `level=WARN msg="raft: failed to append to logs" error=disk`) {
		t.Errorf("logged:\n%s", got)
	}
}
