package client

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged ends a connection whose other side does not acknowledge what was
// sent: there are no pings, and the system would go on for a quarter of an hour.
func limitUnacknowledged(_, _ string, conn syscall.RawConn) error {
	var failed error
	limit := int((pingAfter + pingTimeout).Milliseconds())
	err := conn.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, limit)
	})
	return errors.Join(err, failed)
}
