//go:build !linux

package disk

import (
	"io/fs"
	"syscall"
)

func identify(_ string, _ bool, info fs.FileInfo) (id, error) {
	return id{inode: uint64(info.Sys().(*syscall.Stat_t).Ino)}, nil
}
