package client

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged ends a connection whose other side does not acknowledge what was
// sent: there are no pings, and the system would go on for a quarter of an hour. Where
// a sandbox refuses the option that is how long it takes.
func limitUnacknowledged(_, _ string, conn syscall.RawConn) error {
	limit := int((pingAfter + pingTimeout).Milliseconds())
	return conn.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, limit)
	})
}
