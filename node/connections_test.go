//go:build !wasip1

package node

import (
	"net"
	"testing"
	"time"
)

// TestConnectionsLeaveFilesToTheNode: of eight files four are for clients, and who comes
// fifth is taken when another has gone.
func TestConnectionsLeaveFilesToTheNode(t *testing.T) {
	all, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limited(all, 8)
	defer l.Close()
	taken := make(chan net.Conn, 5)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			taken <- conn
		}
	}()
	for range 5 {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	next := func() net.Conn {
		select {
		case conn := <-taken:
			return conn
		case <-time.After(10 * time.Second):
			t.Fatal("a connection is not taken")
			return nil
		}
	}
	var last net.Conn
	for range 4 {
		last = next()
		defer last.Close()
	}
	select {
	case <-taken:
		t.Error("the fifth is taken beside four")
	case <-time.After(50 * time.Millisecond):
	}
	last.Close()
	next().Close()
}
