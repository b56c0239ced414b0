package api

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
)

// one is a listener of one connection.
type one struct {
	conn   chan net.Conn
	closed chan struct{}
}

func (l one) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l one) Close() error {
	close(l.closed)
	return nil
}

func (l one) Addr() net.Addr { return &net.TCPAddr{} }

// TestClientThatTakesNoAnswerDoesNotKeepANode: its connection is closed, and the
// node has stopped in order.
func TestClientThatTakesNoAnswerDoesNotKeepANode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		l := one{make(chan net.Conn, 1), make(chan struct{})}
		l.conn <- server
		answering, answered := make(chan struct{}), make(chan error, 1)
		handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(answering)
			_, err := w.Write(make([]byte, 1<<20))
			answered <- err
		})
		ctx, stop := context.WithCancel(t.Context())
		stopped := make(chan error, 1)
		go func() { stopped <- Serve(ctx, l, handler, slog.New(slog.DiscardHandler)) }()
		if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: node\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-answering
		stop()
		if err := <-stopped; err != nil {
			t.Errorf("the node stopped with %v", err)
		}
		if <-answered == nil {
			t.Error("an answer was taken that nobody read")
		}
	})
}
