//go:build !nofsync

package wallog

import (
	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/types"
)

func files() types.VFS { return fs.New() }
