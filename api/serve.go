package api

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of the server. Requests may wait for hours, so there is no time limit
// on a whole request; a client that sends no header, or idles, is dropped.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	stopTimeout   = 5 * time.Second // for answers under way when the node stops
	pingAfter     = 15 * time.Second
	pingTimeout   = 10 * time.Second
	maxHeader     = 64 << 10
	maxStreams    = 4096 // requests in flight on one HTTP/2 connection
)

// Serve serves a handler on a listener, HTTP/1.1 and HTTP/2 without TLS on the
// same port, until ctx ends. Then requests that wait for calls are told at once
// to go to another node, answers under way are finished, and Serve returns. A
// client that takes no answer meanwhile loses its connection.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, logger *slog.Logger) error {
	requests, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	server := &http.Server{
		Handler:           handler,
		Protocols:         new(http.Protocols),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams, SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)

	served := make(chan error, 1)
	go func() { served <- server.Serve(gathering{listener}) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve API on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	stop(errStopping)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := server.Shutdown(grace)
	if grace.Err() != nil {
		logger.Warn("clients took no answer before the node stopped: their connections are closed", "waited", stopTimeout)
		err = server.Close()
	}
	<-served // http.ErrServerClosed
	if err != nil {
		return fmt.Errorf("stop API on %s: %w", listener.Addr(), err)
	}
	return nil
}
