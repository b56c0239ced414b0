package raftstore

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// raftLogger passes raft's log on. What raft calls an error is said again several
// times a second for each group.
func raftLogger(to *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard, Level: hclog.Error})
	l.RegisterSink(&logSink{to: to, said: make(map[string]time.Time)})
	return l
}

// connection is what raft calls an error when a peer dies, or this node stops.
// Gossip tells of that.
var connection = map[string]bool{
	"failed to accept connection":               true,
	"failed to appendEntries to":                true,
	"failed to decode incoming command":         true,
	"failed to flush response":                  true,
	"failed to heartbeat to":                    true,
	"failed to make requestVote RPC":            true,
	"failed to pipeline appendEntries":          true,
	"failed to start pipeline replication to":   true,
	"peer has newer term, stopping replication": true,
}

type logSink struct {
	to   *slog.Logger
	mu   sync.Mutex
	said map[string]time.Time // raft's messages are constants, so there are few
}

// sayAgain is how long a warning is not repeated.
const sayAgain = 30 * time.Second

func (s *logSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	if level == hclog.Error && !connection[msg] && s.first(msg) {
		to = slog.LevelWarn
	}
	if !s.to.Enabled(context.Background(), to) {
		return
	}
	for i, a := range args {
		if f, ok := a.(hclog.Format); ok && len(f) > 0 {
			args[i] = fmt.Sprintf(fmt.Sprint(f[0]), f[1:]...)
		}
	}
	s.to.Log(context.Background(), to, "raft: "+msg, args...)
}

// first says whether a message has not been seen for a while.
func (s *logSink) first(msg string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if last, ok := s.said[msg]; ok && now.Sub(last) < sayAgain {
		return false
	}
	s.said[msg] = now
	return true
}
