package raftstore

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
)

func TestOwnEndIsNoWarning(t *testing.T) {
	var out bytes.Buffer
	l := raftLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo})))
	l.Error("failed to accept connection", "error", &net.OpError{Op: "accept", Net: "tcp", Err: net.ErrClosed})
	if out.Len() > 0 {
		t.Errorf("said %s", out.String())
	}
	l.Error("failed to appendEntries to", "peer", "p", "error", errors.New("refused"))
	if !strings.Contains(out.String(), "level=WARN") || !strings.Contains(out.String(), "refused") {
		t.Errorf("said %s", out.String())
	}
}
