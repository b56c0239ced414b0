package sim

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/experimental/sys"
	wsys "github.com/tetratelabs/wazero/sys"
)

// disk is the file system of a machine. It outlives the instances that run on
// it. Names and directories are durable at once; what a crash leaves of a file's
// writes since its last sync, disk_crash.go says, and how a disk can be sick,
// disk_sick.go.
type disk struct {
	sys.UnimplementedFS
	inodes map[string]*inode // by path, "." is the root
	last   wsys.Inode
	now    func() int64
	seen   func(payload []byte, format string, args ...any) // told of each operation; may not return
	sickness
}

type inode struct {
	number  wsys.Inode
	dir     bool
	data    []byte
	pending []change // since the last sync, oldest first
	aging
}

// arrivals is the file by which a guest waits for what the network brings.
const arrivals = "dev/arrivals"

func newDisk() *disk {
	d := &disk{inodes: map[string]*inode{}, now: func() int64 { return 0 }}
	for _, dir := range []string{".", "dev", "data", "run", "tmp"} {
		d.add(dir, true)
	}
	d.add(arrivals, false)
	return d
}

func (d *disk) add(name string, dir bool) *inode {
	d.last++
	i := &inode{number: d.last, dir: dir, aging: aging{since: d.now()}}
	d.inodes[name] = i
	return i
}

func (i *inode) resize(size int) {
	if size <= len(i.data) {
		clear(i.data[size:])
		i.data = i.data[:size]
		return
	}
	i.data = append(i.data, make([]byte, size-len(i.data))...)
}

// names are all paths, sorted, since a map's order is not the seed's.
func (d *disk) names() []string {
	names := make([]string, 0, len(d.inodes))
	for name := range d.inodes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func clean(name string) string { return path.Clean(strings.TrimPrefix(name, "/")) }

func (d *disk) OpenFile(name string, flag sys.Oflag, _ fs.FileMode) (sys.File, sys.Errno) {
	name = clean(name)
	i := d.inodes[name]
	switch {
	case d.fails(name):
		return nil, sys.EIO
	case i == nil && flag&sys.O_CREAT == 0:
		return nil, sys.ENOENT
	case i == nil:
		if parent := d.inodes[path.Dir(name)]; parent == nil || !parent.dir {
			return nil, sys.ENOENT
		}
		d.seen(nil, "create %s", name)
		i = d.add(name, false)
	case flag&(sys.O_CREAT|sys.O_EXCL) == sys.O_CREAT|sys.O_EXCL:
		return nil, sys.EEXIST
	case flag&sys.O_DIRECTORY != 0 && !i.dir:
		return nil, sys.ENOTDIR
	}
	h := &handle{disk: d, inode: i, name: name, appends: flag&sys.O_APPEND != 0}
	if flag&sys.O_TRUNC != 0 && !i.dir {
		return h, h.Truncate(0)
	}
	if name == arrivals {
		return &bell{handle: h}, 0
	}
	return h, 0
}

func (d *disk) Stat(name string) (wsys.Stat_t, sys.Errno) {
	i := d.inodes[clean(name)]
	if i == nil {
		return wsys.Stat_t{}, sys.ENOENT
	}
	return i.stat(), 0
}

func (d *disk) Lstat(name string) (wsys.Stat_t, sys.Errno) { return d.Stat(name) }

func (i *inode) stat() wsys.Stat_t {
	s := wsys.Stat_t{Ino: i.number, Nlink: 1, Size: int64(len(i.data)), Mode: 0o700}
	if i.dir {
		s.Mode |= fs.ModeDir
	}
	return s
}

func (d *disk) Mkdir(name string, _ fs.FileMode) sys.Errno {
	name = clean(name)
	if d.fails(name) {
		return sys.EIO
	}
	if d.inodes[name] != nil {
		return sys.EEXIST
	}
	if parent := d.inodes[path.Dir(name)]; parent == nil || !parent.dir {
		return sys.ENOENT
	}
	d.seen(nil, "mkdir %s", name)
	d.add(name, true)
	return 0
}

func (d *disk) Rename(from, to string) sys.Errno {
	from, to = clean(from), clean(to)
	i := d.inodes[from]
	switch {
	case d.fails(from):
		return sys.EIO
	case i == nil:
		return sys.ENOENT
	}
	d.seen(nil, "rename %s %s", from, to)
	for _, name := range d.names() {
		if strings.HasPrefix(name, from+"/") {
			d.inodes[to+strings.TrimPrefix(name, from)] = d.inodes[name]
			delete(d.inodes, name)
		}
	}
	delete(d.inodes, from)
	d.inodes[to] = i
	return 0
}

func (d *disk) Unlink(name string) sys.Errno {
	name = clean(name)
	i := d.inodes[name]
	switch {
	case d.fails(name):
		return sys.EIO
	case i == nil:
		return sys.ENOENT
	case i.dir:
		return sys.EISDIR
	}
	d.seen(nil, "unlink %s", name)
	delete(d.inodes, name)
	return 0
}

func (d *disk) Rmdir(name string) sys.Errno {
	name = clean(name)
	i := d.inodes[name]
	switch {
	case i == nil:
		return sys.ENOENT
	case !i.dir:
		return sys.ENOTDIR
	case len(d.children(name)) > 0:
		return sys.ENOTEMPTY
	}
	d.seen(nil, "rmdir %s", name)
	delete(d.inodes, name)
	return 0
}

func (d *disk) Chmod(string, fs.FileMode) sys.Errno    { return 0 }
func (d *disk) Utimens(string, int64, int64) sys.Errno { return 0 }
func (d *disk) Readlink(string) (string, sys.Errno)    { return "", sys.EINVAL }

// children are the names in a directory, sorted.
func (d *disk) children(dir string) []string {
	var out []string
	for _, name := range d.names() {
		if name != "." && path.Dir(name) == dir {
			out = append(out, path.Base(name))
		}
	}
	return out
}
