package raftstore

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
)

func TestOwnEndIsNoWarning(t *testing.T) {
	var out bytes.Buffer
	l := raftLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo})), nil)
	l.Error("failed to accept connection", "error", &net.OpError{Op: "accept", Net: "tcp", Err: net.ErrClosed})
	if out.Len() > 0 {
		t.Errorf("said %s", out.String())
	}
	l.Error("failed to appendEntries to", "peer", "p", "error", errors.New("refused"))
	if !strings.Contains(out.String(), "level=WARN") || !strings.Contains(out.String(), "refused") {
		t.Errorf("said %s", out.String())
	}
}

// TestRaftsLogNamesNodes: ids tell people nothing, and "node" is the one whose
// log it is.
func TestRaftsLogNamesNodes(t *testing.T) {
	const id = "5b2dc830-113d-4e3b-8ee2-5044f6b34e9a"
	var out bytes.Buffer
	to := slog.New(slog.NewTextHandler(&out, nil)).With("node", "n1")
	l := raftLogger(to, func(id messages.NodeID) string { return "n" + string(id[:1]) })
	l.Error("failed to make requestVote RPC", "target", raft.Server{ID: id + "/3", Address: id}, "error", errors.New("dial node "+id+": refused"),
		"node", hclog.Fmt("%s at x", id))
	if text := out.String(); strings.Contains(text, id) || strings.Count(text, " node=") != 1 || !strings.Contains(text, "dial node n5: refused") {
		t.Errorf("said %s", text)
	}
}
