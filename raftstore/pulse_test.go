package raftstore

import (
	"io"
	"runtime"
	"testing"
)

// TestConnectionThatEndsAsItIsMade: whoever is to hear its answers may run only when
// the link has given it up already.
func TestConnectionThatEndsAsItIsMade(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	from, to := newPair()
	p := startPulse(from, beatRPC, nil)
	defer p.close()
	go func() {
		for {
			if _, err := to.Accept(); err != nil {
				return
			}
		}
	}()
	defer to.Close()
	for range 100 {
		p.mu.Lock()
		l := p.link("b")
		p.mu.Unlock()
		p.dial(l)
		p.mu.Lock()
		conn := l.conn
		p.mu.Unlock()
		p.broke(l, conn, io.EOF)
	}
}
