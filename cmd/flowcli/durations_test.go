package main

import (
	"testing"

	"github.com/elasticcode/flow/messages"
)

// TestABareNumberOfASocketIsSeconds: a --keep-age 60 that were milliseconds would
// throw away what people have just begun to look at.
func TestABareNumberOfASocketIsSeconds(t *testing.T) {
	s := newShell(t, socketIn())
	if r := s.run("update", "socket", doThis, "--gate-timeout", "30", "--keep-age", "60", "--dead-age", "1.5", "--retrydelay", "2"); r.code != 0 {
		t.Fatal(r.err)
	}
	k := last[*messages.UpdateRequest](t, s.fake).Object.GetSocket()
	if k.GateTimeout != 30_000 || k.KeepAge != 60_000 || k.DeadAge != 1500 {
		t.Errorf("the socket is to have %v", k)
	}
}
