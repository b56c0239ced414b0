//go:build !linux

package client

import "syscall"

// limitUnacknowledged does nothing where the system has no such limit.
func limitUnacknowledged(_, _ string, _ syscall.RawConn) error { return nil }
