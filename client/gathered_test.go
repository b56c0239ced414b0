package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
)

// slowConn takes what is written when it is let to, and remembers each write.
type slowConn struct {
	net.Conn
	let    chan error // each write takes one
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex
	writes []string
}

func (c *slowConn) Write(b []byte) (int, error) {
	var err error
	select {
	case err = <-c.let:
	case <-c.closed:
		err = net.ErrClosed
	}
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes = append(c.writes, string(b))
	return len(b), nil
}

func (c *slowConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func gatheredOver(t *testing.T) (net.Conn, *slowConn) {
	under := &slowConn{let: make(chan error), closed: make(chan struct{})}
	dial := dialer(func(context.Context, string, string) (net.Conn, error) { return under, nil })
	conn, err := dial.gathering(t.Context(), "tcp", "node:1")
	if err != nil {
		t.Fatal(err)
	}
	return conn, under
}

func write(t *testing.T, to io.Writer, text string) {
	t.Helper()
	if n, err := to.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("write %q: %d bytes, %v", text, n, err)
	}
}

// TestWhatIsWrittenMeanwhileGoesTogether: in order, and while a write is under way.
func TestWhatIsWrittenMeanwhileGoesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, under := gatheredOver(t)
		write(t, conn, "first")
		synctest.Wait()
		for i := range 5 {
			write(t, conn, fmt.Sprint(i))
		}
		under.let <- nil
		under.let <- nil
		synctest.Wait()
		if got := fmt.Sprint(under.writes); got != "[first 01234]" {
			t.Errorf("it was written: %s", got)
		}
		conn.Close()
	})
}

// TestAFailedWriteClosesItsConnection, and whoever writes next hears why.
func TestAFailedWriteClosesItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, under := gatheredOver(t)
		write(t, conn, "lost")
		broken := errors.New("broken")
		under.let <- broken
		synctest.Wait()
		select {
		case <-under.closed:
		default:
			t.Error("the connection is open")
		}
		if _, err := conn.Write([]byte("more")); !errors.Is(err, broken) {
			t.Errorf("the next write: %v", err)
		}
		conn.Close()
	})
}

// TestWhatMayWaitIsBounded: who writes more waits, until there is room or the
// connection is closed.
func TestWhatMayWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, under := gatheredOver(t)
		write(t, conn, "under way")
		synctest.Wait()
		write(t, conn, string(make([]byte, maxUnsent)))
		written := make(chan error)
		for range 2 {
			go func() {
				_, err := conn.Write([]byte("more"))
				written <- err
			}()
		}
		synctest.Wait()
		select {
		case <-written:
			t.Fatal("it was taken over the bound")
		default:
		}
		under.let <- nil // the large one is being written now: there is room
		if err := errors.Join(<-written, <-written); err != nil {
			t.Error(err)
		}
		write(t, conn, string(make([]byte, maxUnsent-len("moremore"))))
		go func() {
			_, err := conn.Write([]byte("never"))
			written <- err
		}()
		synctest.Wait()
		conn.Close()
		if err := <-written; !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write that waited when the connection was closed: %v", err)
		}
	})
}
