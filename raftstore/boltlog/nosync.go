//go:build nofsync

package boltlog

const noSync = true
