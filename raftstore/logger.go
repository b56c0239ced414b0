package raftstore

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// raftLogger passes raft's log on. What raft calls a warning is an election, or
// a follower that was away; that is not this node's fault.
func raftLogger(to *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard, Level: hclog.Error})
	l.RegisterSink(logSink{to})
	return l
}

// connection is what raft calls an error when a peer dies, or this node stops.
// It says so for each request, again and again; gossip says it once.
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

type logSink struct{ to *slog.Logger }

func (s logSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	switch level {
	case hclog.Error:
		if !connection[msg] {
			to = slog.LevelWarn
		}
	case hclog.Warn:
		to = slog.LevelInfo
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
