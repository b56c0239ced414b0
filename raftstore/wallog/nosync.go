//go:build nofsync

package wallog

import (
	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/types"
)

// files do not reach the disk: for the test that must fail then.
func files() types.VFS { return unsynced{fs.New()} }

type unsynced struct{ types.VFS }

func (u unsynced) Create(dir, name string, size uint64) (types.WritableFile, error) {
	return forget(u.VFS.Create(dir, name, size))
}

func (u unsynced) OpenWriter(dir, name string) (types.WritableFile, error) {
	return forget(u.VFS.OpenWriter(dir, name))
}

func forget(f types.WritableFile, err error) (types.WritableFile, error) {
	if err != nil {
		return nil, err
	}
	return unsyncedFile{f}, nil
}

type unsyncedFile struct{ types.WritableFile }

func (unsyncedFile) Sync() error { return nil }
