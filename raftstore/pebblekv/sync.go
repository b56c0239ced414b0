//go:build !nofsync

package pebblekv

import "github.com/cockroachdb/pebble/v2/vfs"

func disk() vfs.FS { return vfs.Default }
