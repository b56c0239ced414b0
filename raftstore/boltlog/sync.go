//go:build !nofsync

package boltlog

// noSync leaves fsync on. The build tag nofsync turns it off, for the test that
// must fail then.
const noSync = false
