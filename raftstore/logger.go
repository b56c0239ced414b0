package raftstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// raftLogger passes raft's log on. What raft calls an error is mostly a peer that
// does not answer, said again several times a second for each group.
func raftLogger(to *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard, Level: hclog.Error})
	l.RegisterSink(&logSink{to: to, said: make(map[string]time.Time)})
	return l
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
	// The replica's own end, which raft takes for a failure, is nobody's business.
	if level == hclog.Error && !closes(args) && s.first(msg) {
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

// closes says whether a message is about a connection that this side closed.
func closes(args []any) bool {
	return slices.ContainsFunc(args, func(a any) bool {
		err, ok := a.(error)
		return ok && errors.Is(err, net.ErrClosed)
	})
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
