package api

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// countedConn counts reads.
type countedConn struct {
	net.Conn
	reads int
}

func (c *countedConn) Read(b []byte) (int, error) {
	c.reads++
	return c.Conn.Read(b)
}

// oneConn accepts one connection.
type oneConn struct {
	net.Listener
	conn net.Conn
}

func (l oneConn) Accept() (net.Conn, error) { return l.conn, nil }

// brought is a connection that brings a text at once; written tells of its end.
func brought(t *testing.T, text string) (conn net.Conn, counted *countedConn, written chan error) {
	t.Helper()
	ours, theirs := net.Pipe()
	counted = &countedConn{Conn: ours}
	conn, err := gathering{oneConn{conn: counted}}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		theirs.Close()
	})
	written = make(chan error, 1)
	go func() {
		_, err := theirs.Write([]byte(text))
		written <- err
	}()
	return conn, counted, written
}

func TestWhatCameTogetherIsReadAtOnce(t *testing.T) {
	conn, counted, written := brought(t, "head1body1head2body2")
	for _, want := range []string{"head1", "body1", "head2", "body2"} {
		b := make([]byte, len(want))
		if _, err := io.ReadFull(conn, b); err != nil || string(b) != want {
			t.Fatalf("read %q, %v, want %q", b, err, want)
		}
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	if counted.reads != 1 {
		t.Errorf("the connection was read %d times", counted.reads)
	}
}

// TestNothingIsReadAheadOfHTTP1: such a connection would hold a second buffer, and there
// are many.
func TestNothingIsReadAheadOfHTTP1(t *testing.T) {
	conn, _, written := brought(t, "requestbody")
	for _, step := range []struct {
		room int
		want string
	}{{1, "r"}, {4 << 10, "equestbody"}} {
		b := make([]byte, step.room)
		n, err := conn.Read(b)
		if err != nil || string(b[:n]) != step.want {
			t.Fatalf("read %q, %v, want %q", b[:n], err, step.want)
		}
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	if conn.(*gathered).ahead != nil {
		t.Error("there is a second buffer")
	}
}

// TestADeadlineEndsOneRead: net/http breaks a read off so, and reads on.
func TestADeadlineEndsOneRead(t *testing.T) {
	ours, theirs := net.Pipe()
	conn, err := gathering{oneConn{conn: ours}}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	defer theirs.Close()
	if err := conn.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4)
	if _, err := conn.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a read behind its deadline: %v", err)
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() {
		_, err := theirs.Write([]byte("more"))
		written <- err
	}()
	if _, err := io.ReadFull(conn, b); err != nil || string(b) != "more" {
		t.Errorf("read %q, %v", b, err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}
