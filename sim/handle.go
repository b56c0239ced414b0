package sim

import (
	"io"
	"io/fs"
	"path"

	"github.com/tetratelabs/wazero/experimental/sys"
	wsys "github.com/tetratelabs/wazero/sys"
)

// handle is an open file or directory of a disk.
type handle struct {
	sys.UnimplementedFile
	disk    *disk
	inode   *inode
	name    string
	offset  int64
	appends bool
	listed  int // of a directory: entries that were given
}

func (h *handle) Dev() (uint64, sys.Errno)       { return 1, 0 }
func (h *handle) Ino() (wsys.Inode, sys.Errno)   { return h.inode.number, 0 }
func (h *handle) IsDir() (bool, sys.Errno)       { return h.inode.dir, 0 }
func (h *handle) IsAppend() bool                 { return h.appends }
func (h *handle) SetAppend(on bool) sys.Errno    { h.appends = on; return 0 }
func (h *handle) Stat() (wsys.Stat_t, sys.Errno) { return h.inode.stat(), 0 }
func (h *handle) Utimens(int64, int64) sys.Errno { return 0 }
func (h *handle) Close() sys.Errno               { return 0 }

func (h *handle) Read(b []byte) (int, sys.Errno) {
	n, errno := h.Pread(b, h.offset)
	h.offset += int64(n)
	return n, errno
}

func (h *handle) Pread(b []byte, at int64) (int, sys.Errno) {
	if h.inode.dir {
		return 0, sys.EISDIR
	}
	if h.disk.fails(h.name) {
		return 0, sys.EIO
	}
	if at >= int64(len(h.inode.data)) {
		return 0, 0
	}
	return copy(b, h.inode.data[at:]), 0
}

func (h *handle) Write(b []byte) (int, sys.Errno) {
	if h.appends {
		h.offset = int64(len(h.inode.data))
	}
	n, errno := h.Pwrite(b, h.offset)
	h.offset += int64(n)
	return n, errno
}

func (h *handle) Pwrite(b []byte, at int64) (int, sys.Errno) {
	if h.inode.dir {
		return 0, sys.EISDIR
	}
	h.disk.seen(b, "write %s at %d", h.name, at)
	if h.disk.fails(h.name) {
		return 0, sys.EIO
	}
	h.inode.write(int(at), b)
	return len(b), 0
}

func (h *handle) Truncate(size int64) sys.Errno {
	h.disk.seen(nil, "truncate %s to %d", h.name, size)
	if h.disk.fails(h.name) {
		return sys.EIO
	}
	h.inode.truncate(int(size))
	return 0
}

func (h *handle) Sync() sys.Errno {
	h.disk.seen(nil, "sync %s", h.name)
	if h.disk.failsToSync(h.inode) || h.disk.fails(h.name) {
		return sys.EIO
	}
	h.inode.sync(h.disk.now())
	return 0
}

func (h *handle) Datasync() sys.Errno { return h.Sync() }

// position is where in a file. It has a name so that vet does not take Seek for
// an io.Seeker gone wrong: the interface is wazero's.
type position = int64

func (h *handle) Seek(offset position, whence int) (position, sys.Errno) {
	switch whence {
	case io.SeekCurrent:
		offset += h.offset
	case io.SeekEnd:
		offset += int64(len(h.inode.data))
	}
	if offset < 0 {
		return 0, sys.EINVAL
	}
	if h.inode.dir {
		h.listed = int(offset)
	}
	h.offset = offset
	return offset, 0
}

func (h *handle) Readdir(n int) ([]sys.Dirent, sys.Errno) {
	if !h.inode.dir {
		return nil, sys.ENOTDIR
	}
	names := h.disk.children(h.name)
	names = names[min(h.listed, len(names)):]
	if n > 0 && n < len(names) {
		names = names[:n]
	}
	h.listed += len(names)
	out := make([]sys.Dirent, len(names))
	for k, name := range names {
		i := h.disk.inodes[path.Join(h.name, name)]
		out[k] = sys.Dirent{Ino: i.number, Name: name}
		if i.dir {
			out[k].Type = fs.ModeDir
		}
	}
	return out, 0
}

// bell is the open file of arrivals: it can be waited for, in poll_oneoff.
type bell struct {
	*handle
	nonblocking bool
}

func (b *bell) IsNonblock() bool                        { return b.nonblocking }
func (b *bell) SetNonblock(on bool) sys.Errno           { b.nonblocking = on; return 0 }
func (b *bell) Poll(sys.Pflag, int32) (bool, sys.Errno) { return false, sys.ENOTSUP } // the guest's own poll does not ask
