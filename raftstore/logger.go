package raftstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/elasticcode/flow/messages"
)

// raftLogger passes raft's log on. What raft calls an error is mostly a peer that
// does not answer, said again several times a second for each group.
// name is what people call a node.
func raftLogger(to *slog.Logger, name func(messages.NodeID) string) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard, Level: hclog.Error})
	l.RegisterSink(&logSink{to: to, name: name, said: make(map[string]time.Time)})
	return l
}

type logSink struct {
	to   *slog.Logger
	name func(messages.NodeID) string
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
	s.to.Log(context.Background(), to, "raft: "+msg, s.readable(args)...)
}

// anID is a node's id, with the incarnation of its replica where there is one.
var anID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(/[0-9]+)?`)

// readable gives what raft says of its servers in people's words. What raft
// calls a node is a replica: node is the one whose log this is.
func (s *logSink) readable(args []any) []any {
	out := slices.Clone(args)
	for i, a := range out {
		switch {
		case i%2 == 0 && a == "node":
			out[i] = "replica"
		case i%2 == 1:
			text := fmt.Sprint(a)
			if named := anID.ReplaceAllStringFunc(text, s.nameOf); named != text {
				out[i] = named
			}
		}
	}
	return out
}

func (s *logSink) nameOf(id string) string {
	node, _, _ := strings.Cut(id, "/")
	return s.name(messages.NodeID(node))
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
