//go:build !wasip1

package node

import (
	"net"
	"testing"
	"testing/synctest"
)

// queue is a listener whose connections were made by the test.
type queue struct {
	net.Listener
	conns chan net.Conn
}

func (q queue) Accept() (net.Conn, error) {
	conn, ok := <-q.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (q queue) Close() error { close(q.conns); return nil }

// TestConnectionsLeaveFilesToTheNode: of eight files four are for clients, and who comes
// fifth is taken when another has gone.
func TestConnectionsLeaveFilesToTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := queue{conns: make(chan net.Conn, 5)}
		l := limited(all, 8)
		defer l.Close()
		var taken []net.Conn
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				taken = append(taken, conn)
			}
		}()
		for range cap(all.conns) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			all.conns <- ours
		}
		synctest.Wait()
		if len(taken) != 4 {
			t.Fatalf("%d of five connections are taken, want 4", len(taken))
		}
		taken[3].Close()
		synctest.Wait()
		if len(taken) != 5 {
			t.Errorf("%d of five connections are taken once one has gone", len(taken))
		}
		for _, conn := range taken {
			conn.Close()
		}
	})
}
